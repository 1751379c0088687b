export * from './certificate.ts';
export * from './csr.ts';
export { maxDerBytes } from './der.ts';
export type { AltNames } from './extensions.ts';
export * from './key.ts';
export * from './renewal.ts';
export * from './source.ts';
export * from './peer-identity.ts';
