export { jwksSettings, type JwksOptions } from './jwks-settings.ts';
export { createKeySetSource } from './key-set-source.ts';
