import { headers, type MsgHdrs } from '@nats-io/nats-core';

/**
 * What the log of a revision consists of. A `change` is one batch, number `n`; a `base` is the whole state after change `n`, so that what lies
 * before it can be dropped. Both are cut into parts below NATS' message size; an entry counts when its last part is there.
 */
export interface Entry { readonly kind: 'base' | 'change'; readonly n: number; readonly writer: string; readonly bytes: Uint8Array }
export interface Part { readonly id: string; readonly headers: MsgHdrs; readonly data: Uint8Array }

const partBytes = 512 * 1024;
const maxParts = 1024;
const name = { kind: 'Flotilla-Kind', n: 'Flotilla-N', writer: 'Flotilla-Writer', part: 'Flotilla-Part', parts: 'Flotilla-Parts' };

/** The messages of an entry. Their ids are the same at each attempt: what the server has already it drops. */
export function partsOf({ kind, n, writer, bytes }: Entry): Part[] {
  const count = Math.max(1, Math.ceil(bytes.length / partBytes));
  if (count > maxParts) throw new Error(`a batch of ${bytes.length} bytes is larger than the bus carries (${maxParts * partBytes})`);
  return Array.from({ length: count }, (_, part) => {
    const of = headers();
    for (const [key, value] of [[name.kind, kind], [name.n, n], [name.writer, writer], [name.part, part], [name.parts, count]] as const) of.set(key, String(value));
    return { id: `${writer}/${kind}/${n}/${part}`, headers: of, data: bytes.subarray(part * partBytes, (part + 1) * partBytes) };
  });
}

/** Puts entries together from messages in their order; returns an entry with its last part. An entry that its writer never finished is forgotten. */
export function createAssembler(): (of: MsgHdrs | undefined, data: Uint8Array) => Entry | undefined {
  let open = '';
  let gathered: Uint8Array[] = [];
  return (of, data) => {
    const [part, parts] = [Number(of?.get(name.part)), Number(of?.get(name.parts))];
    if (!of || !(parts >= 1 && parts <= maxParts)) return undefined;
    const head = { kind: of.get(name.kind) === 'base' ? 'base' as const : 'change' as const, n: Number(of.get(name.n)), writer: of.get(name.writer) };
    const id = `${head.writer}/${head.kind}/${head.n}`;
    if (part === 0) [open, gathered] = [id, []];
    if (open !== id || part !== gathered.length) return undefined;
    gathered.push(data);
    if (gathered.length < parts) return undefined;
    const bytes = gathered.length === 1 ? data : Buffer.concat(gathered);
    [open, gathered] = ['', []];
    return { ...head, bytes };
  };
}
