export * from './answers.ts';
export * from './body.ts';
export type { Connection } from './connections.ts';
export * from './http.ts';
export * from './limits.ts';
export * from './listener.ts';
export * from './streams.ts';
export { Deadlines } from './ticks.ts';
export type { ServerTls } from './tls.ts';
