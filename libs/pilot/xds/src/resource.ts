import { hashBytes } from '@flotilla/std';

/** A finished xDS resource: its name, the hash of its bytes (its version), and the bytes of the message. */
export interface XdsResource { readonly name: string; readonly hash: string; readonly bytes: Uint8Array }

export const xdsResource = (name: string, bytes: Uint8Array): XdsResource => ({ name, hash: hashBytes(bytes), bytes });

/** The same for lists. */
export const sameResources = (a: readonly XdsResource[], b: readonly XdsResource[]): boolean => a.length === b.length && a.every((resource, i) => sameResource(resource, b[i]));

/** Early cut-off by content. */
export const sameResource = (a: XdsResource | undefined, b: XdsResource | undefined): boolean => a?.hash === b?.hash && a?.name === b?.name;
