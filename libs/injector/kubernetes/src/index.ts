export { createConfigMapSource, type ConfigMapSourceOptions } from './config-map-source.ts';
export { injectorPlatformSettings, openInjectorPlatform, type InjectorPlatform } from './platform.ts';
