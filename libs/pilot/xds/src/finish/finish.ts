import type { View } from '@flotilla/pilot-world';
import { hashBytes, shared, type Chunks } from '@flotilla/std';
import type { XdsResource } from '../resource.ts';
import { compact } from './compact.ts';
import { encodeMessage } from './encode-message.ts';
import type { Messages, XdsKind } from './kinds.ts';
import { patchesOf } from './patches.ts';

/** A resource before it is finished: its message and everything nested in it are still data. */
export interface Unfinished<K extends XdsKind = XdsKind> {
  readonly kind: K;
  readonly name: string;
  readonly message: Messages[K];
}

/**
 * The one way from a message to the resource that is sent: applies the patches that concern it, encodes it, and takes
 * the hash of the bytes as its version. The patches are read through the view, so that a query that finishes a resource
 * runs again when they change. The message is shared from here on: nobody may change it. Throws what a patch throws.
 */
export function finish<K extends XdsKind>(view: View, { kind, name, message }: Unfinished<K>): XdsResource {
  const patched = patchesOf(view, kind, name).reduce((before, patch) => patch.apply(shared(before)), message);
  return finished(name, encodeMessage(kind, patched));
}

/** A resource of bytes that need nothing more. */
export const finished = (name: string, bytes: Chunks): XdsResource => ({
  name,
  version: hashBytes(bytes),
  bytes: bytes instanceof Uint8Array ? compact(bytes) : bytes.map(compact),
});
