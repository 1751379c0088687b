export * from './pilot.ts';
export * from './proxies.ts';
