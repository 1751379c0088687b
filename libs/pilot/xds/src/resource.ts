/** A finished xDS resource: its name, its version, which is the hash of its bytes, and the bytes of the message. */
export interface XdsResource {
  readonly name: string;
  readonly version: string;
  readonly bytes: Uint8Array;
}

/** Early cut-off by content. */
export const sameResource = (a: XdsResource | undefined, b: XdsResource | undefined): boolean =>
  a?.version === b?.version && a?.name === b?.name;
