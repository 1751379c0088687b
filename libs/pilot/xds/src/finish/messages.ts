import { resourcePatches } from '@flotilla/pilot-world';
import type { Engine, Reader } from '@flotilla/query';
import { hashBytes } from '@flotilla/std';
import { encodeMessage } from './encode-message.ts';
import type { Messages, XdsKind } from './kinds.ts';
import type { Patch } from './patches.ts';

/** Which messages are wanted: those of a kind, all or some by the names of their resources. */
export interface Wanted<K extends XdsKind> {
  readonly kind: K;
  readonly names?: ReadonlySet<string>;
}

/**
 * The messages of resources as they were encoded, by the versions of the resources. Pilot keeps bytes alone, so the
 * queries that finish these resources run again: in a fork of the engine, where a last patch notes each message and
 * changes nothing. All other results are reused, and the engine stays as it is. `read` reads the resources for one
 * proxy from the fork. Throws what `read` throws.
 */
export function messagesOf<K extends XdsKind>(
  engine: Pick<Engine, 'fork'>,
  { kind, names }: Wanted<K>,
  read: (fork: Reader) => unknown,
): ReadonlyMap<string, Messages[K]> {
  const found = new Map<string, Messages[K]>();
  const note: Patch<K> = {
    kind,
    priority: Number.MAX_VALUE,
    concerns: (_view, name) => names?.has(name) ?? true,
    apply(message) {
      found.set(hashBytes(encodeMessage(kind, message)), message);
      return message;
    },
  };
  read(engine.fork([{ collection: resourcePatches, key: `note ${kind}`, value: note }]));
  return found;
}
