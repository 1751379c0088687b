import { generateKeyPairSync, type KeyObject } from 'node:crypto';

/** A new private key, ECDSA P-256. */
export const generateKey = (): KeyObject => generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey;
