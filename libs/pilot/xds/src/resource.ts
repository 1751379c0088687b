import { hashBytes } from '@flotilla/std';

/** A finished xDS resource: its name, its version, which is the hash of its bytes, and the bytes of the message. */
export interface XdsResource { readonly name: string; readonly version: string; readonly bytes: Uint8Array }

/** Bytes with memory of their own: encoders hand out slices of pools, and what is kept must not keep those. */
const compact = (bytes: Uint8Array): Uint8Array => (bytes.length === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes));

export const xdsResource = (name: string, bytes: Uint8Array): XdsResource => ({ name, version: hashBytes(bytes), bytes: compact(bytes) });

/** The same for lists. */
export const sameResources = (a: readonly XdsResource[], b: readonly XdsResource[]): boolean => a.length === b.length && a.every((resource, i) => sameResource(resource, b[i]));

/** Early cut-off by content. */
export const sameResource = (a: XdsResource | undefined, b: XdsResource | undefined): boolean => a?.version === b?.version && a?.name === b?.name;
