export { signingKeyMistake } from './algorithms.ts';
export { parseCaAnswer } from './ca-answer.ts';
export {
  type Issuer,
  buildCertificate,
  buildIntermediate,
  buildRoot,
  keyToPem,
  parseCertificates,
  verifyChain,
} from './certificate.ts';
export { buildCsr, maxCsrBytes, parseCsr } from './csr.ts';
export { maxDerBytes } from './der.ts';
export type { AltNames } from './extensions.ts';
export { generateKey } from './key.ts';
export { isDue, middleOf } from './renewal.ts';
export {
  type CertificateSource,
  type KeyAndCertificate,
  type MutableCertificateSource,
  createCertificateSource,
} from './source.ts';
export { peerIdentity } from './peer-identity.ts';
