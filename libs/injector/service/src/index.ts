export { createInjector } from './injector.ts';
export { readValues } from './read-values.ts';
export { injectorSettings } from './injector-settings.ts';
