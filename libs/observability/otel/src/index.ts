export * from './logs.ts';
export * from './metrics.ts';
