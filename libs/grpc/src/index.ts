export * from './channel-credentials.ts';
export * from './listen.ts';
export * from './printable-status.ts';
export * from './reset-call.ts';
export * from './unix-socket.ts';
