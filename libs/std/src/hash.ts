import { createHash, hash } from 'node:crypto';
import { chunksOf, type Chunks } from './chunks.ts';

/** A short, stable content hash (SHA-1, base64url); identity of bytes, not a security boundary. */
export function hashBytes(bytes: Chunks | string): string {
  if (typeof bytes === 'string' || bytes instanceof Uint8Array) return hash('sha1', bytes, 'base64url');
  const sum = createHash('sha1');
  for (const chunk of chunksOf(bytes)) sum.update(chunk);
  return sum.digest('base64url');
}

/**
 * A member's share in the hash of a set. A set's hash is the sum of its members' shares, so it can be kept up as
 * members come and go, and their order does not matter; `sumText` is its text. Identity, not a security boundary.
 */
export const shareOf = (member: string): bigint => BigInt(`0x${hash('sha1', member, 'hex').slice(0, 32)}`);
export const sumText = (sum: bigint): string => BigInt.asUintN(128, sum).toString(36);
