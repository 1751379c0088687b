import { headers, type MsgHdrs } from '@nats-io/nats-core';

/**
 * What the log of a revision consists of, each written by the holder of a `term`: one galley, from its taking over of
 * the log until it is overtaken.
 *   - `base`: the whole state. The first entry of a term, and again from time to time, so that what lies before it can
 *     be dropped.
 *   - `change`: one batch, following the entry `n - 1` of its term.
 *   - `release`: the holder has left. It carries nothing.
 * Entries are cut into parts below NATS' message size; one is there when its last part is.
 */
export interface Entry {
  readonly kind: EntryKind;
  readonly term: string;
  readonly n: number;
  readonly bytes: Uint8Array;
}
export type EntryKind = 'base' | 'change' | 'release';
/** What a part says of itself. */
export interface PartHead {
  readonly kind: EntryKind;
  readonly term: string;
  readonly n: number;
  readonly part: number;
  readonly parts: number;
}
export interface Part extends PartHead {
  readonly data: Uint8Array;
}

export const defaultPartBytes = 512 * 1024;
const maxParts = 1024;
const kinds: readonly EntryKind[] = ['base', 'change', 'release'];
const name = {
  kind: 'Flotilla-Kind',
  n: 'Flotilla-N',
  term: 'Flotilla-Term',
  part: 'Flotilla-Part',
  parts: 'Flotilla-Parts',
} as const;

export function partsOf({ bytes, ...entry }: Entry, partBytes = defaultPartBytes): Part[] {
  const parts = Math.max(1, Math.ceil(bytes.length / partBytes));
  const data = (part: number): Uint8Array => bytes.subarray(part * partBytes, (part + 1) * partBytes);
  return Array.from({ length: parts }, (_, part) => ({ ...entry, part, parts, data: data(part) }));
}

export function headersOf(head: PartHead): MsgHdrs {
  const result = headers();
  for (const key of ['kind', 'n', 'term', 'part', 'parts'] as const) result.set(name[key], String(head[key]));
  return result;
}

/** The head that `headersOf` wrote; undefined for anything else. */
export function parseHead(from: MsgHdrs | undefined): PartHead | undefined {
  const kind = kinds.find((one) => one === from?.get(name.kind));
  const [n, part, parts] = [name.n, name.part, name.parts].map((key) => Number(from?.get(key) || NaN));
  const term = from?.get(name.term);
  if (!kind || !term || n === undefined || part === undefined || parts === undefined) return undefined;
  return n >= 0 && part >= 0 && part < parts && parts <= maxParts ? { kind, term, n, part, parts } : undefined;
}

/**
 * Puts entries together from parts in their order; returns an entry with its last part. An entry that its writer never
 * finished is forgotten.
 */
export function createAssembler(): (part: Part) => Entry | undefined {
  let open = '';
  let gathered: Uint8Array[] = [];
  return ({ kind, term, n, part, parts, data }) => {
    const id = `${term}/${kind}/${n}/${parts}`;
    if (part === 0) [open, gathered] = [id, []];
    if (open !== id || part !== gathered.length) return undefined;
    gathered.push(data);
    if (gathered.length < parts) return undefined;
    const bytes = gathered.length === 1 ? data : Buffer.concat(gathered);
    [open, gathered] = ['', []];
    return { kind, term, n, bytes };
  };
}
