export * from './pilot.ts';
export * from './proxies.ts';
export * from './settings.ts';
