export { type CredentialHub, createCredentialHub, type SecretUpdate } from './credential-hub.ts';
export { type AccessReader, createReaderList, type Followed, namespaceOf, type SecretReader } from './reader.ts';
export { readSecret, secretsIn } from './secret.ts';
export { type SecretFile, SecretFiles, sameCredential } from './secret-files.ts';
