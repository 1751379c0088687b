import { hash } from 'node:crypto';

/** A short, stable content hash (128 bits of SHA-1, base64url); identity of bytes, not a security boundary. */
export function hashBytes(bytes: Uint8Array | string): string {
  return hash('sha1', bytes, 'base64url').slice(0, 22);
}
