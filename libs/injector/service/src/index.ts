export * from './injector.ts';
export * from './read-values.ts';
export * from './injector-settings.ts';
