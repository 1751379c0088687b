export { type Authority, createAuthority } from './authority.ts';
export { type RootMaterial, buildRootMaterial, parseRoot } from './root.ts';
