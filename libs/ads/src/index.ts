export { addedNames, newNames, step } from './step.ts';
export { countNames, createState, type State } from './state.ts';
export type { Context } from './respond.ts';
export type { Changes, Effect, Event, Protocol, RequestEvent, Resource, Send, Source } from './types.ts';
export { ResponseEncoder } from './encode.ts';
export { type ReadRequest, type Request, type RequestLimits, RequestTooLarge, createRequestReader } from './request.ts';
export { MalformedMessage } from './wire.ts';
