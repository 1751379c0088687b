export { addressOf, bearerIn } from './caller.ts';
export { channelCredentials, expectIdentity, identityIn, serverNamed } from './channel-credentials.ts';
export { type GrpcLimits, type GrpcService, type ListenOptions, type Listening, listen } from './listen.ts';
export { resetCall } from './reset-call.ts';
export { listenOnSocket } from './unix-socket.ts';
