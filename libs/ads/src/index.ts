export { newNames, step } from './step.ts';
export { countNames, createState, type State } from './state.ts';
export type { Context } from './respond.ts';
export * from './types.ts';
export { ResponseEncoder } from './encode.ts';
export * from './request.ts';
export { MalformedMessage } from './wire.ts';
