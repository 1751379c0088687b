import { hashBytes } from '@flotilla/std';

/** A finished xDS resource: its name, the hash of its bytes (its version), and the bytes of the message. */
export interface XdsResource { readonly name: string; readonly hash: string; readonly bytes: Uint8Array }

export const xdsResource = (name: string, bytes: Uint8Array): XdsResource => ({ name, hash: hashBytes(bytes), bytes });

/** Early cut-off by content. */
export const sameResource = (a: XdsResource | undefined, b: XdsResource | undefined): boolean => a?.hash === b?.hash && a?.name === b?.name;
