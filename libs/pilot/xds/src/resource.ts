import type { Chunks } from '@flotilla/std';
import type { Parts } from './finish/parts.ts';

/**
 * A finished xDS resource: its name, its version, which is the hash of its bytes, and the bytes of the message. Chunks
 * of them may be other resources' too.
 */
export interface XdsResource {
  readonly name: string;
  readonly version: string;
  readonly bytes: Chunks;
  /** Of one that consists of results of their own. */
  readonly parts?: Parts;
}

/** Early cut-off by content, and by what is said of the parts. */
export const sameResource = (a: XdsResource | undefined, b: XdsResource | undefined): boolean =>
  a?.version === b?.version && a?.name === b?.name && sameParts(a?.parts, b?.parts);

const sameParts = (a: Parts | undefined, b: Parts | undefined): boolean =>
  a === b ||
  (a !== undefined &&
    b !== undefined &&
    a.ids.length === b.ids.length &&
    a.ids.every((id, i) => id === b.ids[i]) &&
    a.failed.length === b.failed.length &&
    a.failed.every(({ id, error }, i) => id === b.failed[i]?.id && error === b.failed[i]?.error));
