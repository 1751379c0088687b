export { injectorPlatformSettings, openInjectorPlatform } from './platform.ts';
