export { type AnswerWriter, createAnswerWriter } from './answers.ts';
export { type BodyReader, createBodyReader } from './body.ts';
export type { Connection } from './connections.ts';
export { type HttpServer, type HttpServerOptions, serveHttp } from './http.ts';
export { type ConnectionLimits, defaultLimits, limitKinds } from './limits.ts';
export { type GuardOptions, type ListenAt, createListener } from './listener.ts';
export { followStreams } from './streams.ts';
export { Deadlines } from './ticks.ts';
export type { ServerTls } from './tls.ts';
