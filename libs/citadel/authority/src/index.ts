export { type Authority, createAuthority } from './authority.ts';
export { type PluggedInFault, type PluggedInMaterial, parsePluggedIn } from './plugged-in.ts';
export { type RootMaterial, buildRootMaterial, parseRoot } from './root.ts';
export type { SigningCa } from './signing-ca.ts';
