export * from './port.ts';
export * from './encoded.ts';
export * from './format.ts';
export * from './wire.ts';
export * from './sessions.ts';
export * from './state.ts';
export * from './mirror.ts';
export * from './outbox.ts';
export { createResumableSubscriber } from './resumable.ts';
