export { openSources, sourceSettings, type SourceOptions } from './config-sources.ts';
