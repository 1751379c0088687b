export * from './result.ts';
export * from './clock.ts';
export * from './hash.ts';
export * from './equal.ts';
export * from './order.ts';
export * from './async-queue.ts';
