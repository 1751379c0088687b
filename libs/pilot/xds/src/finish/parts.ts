import type { View, WorldQuery } from '@flotilla/pilot-world';
import type { QueryKey } from '@flotilla/query';
import { joined } from '@flotilla/std';
import type { XdsResource } from '../resource.ts';
import { finished } from './finish.ts';

/** A part that could not be made. */
export interface FailedPart {
  readonly id: string;
  readonly query: { readonly name: string };
  readonly key: QueryKey;
  readonly error: unknown;
}

/**
 * Parts of a resource that are results of their own: the elements of one repeated field, such as the virtual hosts of a
 * route configuration, by what they are called in it.
 */
export interface Parts {
  /** The number of the field. */
  readonly field: number;
  /** All, in order. */
  readonly ids: readonly string[];
  /** Those that the resource's bytes do not have. */
  readonly missing: ReadonlySet<string>;
  readonly failed: readonly FailedPart[];
}

/** `filter_chains` of a Listener. */
export const filterChainsField = 3;

/** A part as it is asked for. */
export interface PartQuery<R> {
  readonly id: string;
  readonly query: WorldQuery<never, R>;
  readonly key: QueryKey;
}

/** Names a part, for `gatherParts`. */
export const part = <K extends QueryKey, R>(id: string, query: WorldQuery<K, R>, key: K): PartQuery<R> => ({
  id,
  query: query as unknown as WorldQuery<never, R>,
  key,
});

const none: readonly FailedPart[] = [];
const noIds: ReadonlySet<string> = new Set();

/** Reads parts; one that fails is left out, and said to be missing. One that comes out undefined does not exist. */
export function gatherParts<R>(
  view: View,
  field: number,
  asked: readonly PartQuery<R | undefined>[],
): { readonly values: readonly R[]; readonly parts: Parts } {
  const values: R[] = [];
  const ids: string[] = [];
  let failed: readonly FailedPart[] = none;
  for (const { id, query, key } of asked) {
    const made = view.attempt(query, key as never);
    if ('error' in made) failed = [...failed, { id, query, key, error: made.error }];
    else if (made.value === undefined) continue;
    else values.push(made.value);
    ids.push(id);
  }
  const missing = failed === none ? noIds : new Set(failed.map(({ id }) => id));
  return { values, parts: { field, ids, missing, failed } };
}

/**
 * A resource in which the parts that are missing are those of a former one, where that has them. Undefined where that
 * can't be done, because a patch has changed how many parts there are.
 */
export function completed(resource: XdsResource, former: XdsResource | undefined): XdsResource | undefined {
  const { parts } = resource;
  if (!parts || parts.missing.size === 0 || !former?.parts) return resource;
  const now = partsIn(resource);
  const before = partsIn(former);
  if (!now || !before) return undefined;
  const bytes = parts.ids.flatMap((id) => now.byId.get(id) ?? before.byId.get(id) ?? []);
  const missing = new Set(parts.ids.filter((id) => !now.byId.has(id) && !before.byId.has(id)));
  const made = finished(resource.name, Buffer.concat([now.head, ...bytes, now.tail]));
  return { ...made, parts: { ...parts, missing } };
}

interface Split {
  readonly head: Uint8Array;
  readonly byId: ReadonlyMap<string, Uint8Array>;
  readonly tail: Uint8Array;
}

/** The bytes of a resource around its parts, which follow each other, and of each part, with its tag and length. */
function partsIn({ bytes: chunks, parts }: XdsResource): Split | undefined {
  if (!parts) return undefined;
  const bytes = joined(chunks);
  const found: { readonly start: number; readonly end: number }[] = [];
  for (const { field, start, end } of fieldsOf(bytes)) if (field === parts.field) found.push({ start, end });
  const ids = parts.ids.filter((id) => !parts.missing.has(id));
  if (found.length !== ids.length) return undefined;
  const first = found[0]?.start ?? bytes.length;
  const last = found.at(-1)?.end ?? bytes.length;
  return {
    head: bytes.subarray(0, first),
    byId: new Map(found.map(({ start, end }, i) => [ids[i] ?? '', bytes.subarray(start, end)])),
    tail: bytes.subarray(last),
  };
}

/** The fields of a message that pilot has encoded (Protocol Buffers, "Encoding"). */
function* fieldsOf(
  bytes: Uint8Array,
): Iterable<{ readonly field: number; readonly start: number; readonly end: number }> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 0x80) {
      const byte = bytes[at] ?? 0;
      at += 1;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const start = at;
    const tag = varint();
    switch (tag & 7) {
      case 0:
        varint();
        break;
      case 1:
        at += 8;
        break;
      case 2: {
        const length = varint();
        at += length;
        break;
      }
      default:
        at += 4;
    }
    yield { field: Math.floor(tag / 8), start, end: at };
  }
}
