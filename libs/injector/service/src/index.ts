export { createInjector } from './injector.ts';
export { readConfig } from './read-config.ts';
export { injectorSettings } from './injector-settings.ts';
