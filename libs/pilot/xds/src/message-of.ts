import type { Engine, Reader, Subject } from '@flotilla/query';
import { resourceKey, type Messages, type XdsKind } from './finish/kinds.ts';
import { messagesOf } from './finish/messages.ts';
import type { Made } from './members.ts';
import { readOne } from './read.ts';

/**
 * The message of a resource that a proxy is sent, made again (messagesOf); undefined when there is no such resource.
 * Throws what the resource's query throws.
 */
export function messageOf<K extends XdsKind>(
  engine: Engine,
  { kind, name }: { readonly kind: K; readonly name: string },
  proxy: Subject,
): Messages[K] | undefined {
  const read = (reader: Reader): Made => readOne(reader, resourceKey({ kind, name }), proxy);
  const resource = read(engine);
  return resource && messagesOf(engine, { kind, names: new Set([name]) }, read).get(resource.version);
}
