export { buildFolders, buildInstallation, kustomization, type Files } from './files.ts';
export { portTable, rightTable } from './tables.ts';
export { defaultManifestOptions, type Manifest, type ManifestOptions } from './service-spec.ts';
export { servicesOf, shapes, type Shape } from './shapes.ts';
