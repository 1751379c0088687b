export { readSecret, secretsIn } from './secret.ts';
export { type SecretFile, SecretFiles } from './secret-files.ts';
export { createCredentialHub } from './credential-hub.ts';
