export { buildInstallation } from './files.ts';
export { defaultManifestOptions, type Manifest } from './service-spec.ts';
export { shapes, type Shape } from './shapes.ts';
