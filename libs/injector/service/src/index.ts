export * from './injector.ts';
export * from './read-values.ts';
export * from './settings.ts';
