export { bundlePrograms, type Bundle } from './bundle.ts';
export { buildImages, imageNames, type BuildOptions, type BuiltImage } from './images.ts';
export { cacheFolder as imageCache } from './settings.ts';
