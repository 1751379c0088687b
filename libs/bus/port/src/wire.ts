import { flotilla } from '@flotilla/proto-gen/bus';
import type { Collection } from '@flotilla/model';
import type { EncodedBatch } from './encoded.ts';

const { Batch: Message } = flotilla.bus.v1;
const traceOf = (trace: string | null | undefined): { trace?: string } => (trace ? { trace } : {});

/** A batch as flotilla.bus.v1.Batch. */
export const batchToBytes = ({ session, seq, put, delete: gone, complete, coalesced }: EncodedBatch): Uint8Array =>
  Message.encode({
    session,
    seq,
    delete: [...gone],
    complete: [...complete],
    coalesced: [...(coalesced ?? [])],
    put: put.map(({ collection, key, text, trace }) => ({
      collection,
      key,
      value: Buffer.from(text),
      ...traceOf(trace),
    })),
  }).finish();

/**
 * The batch in these bytes; throws when they are none. The peer is the project's own and authenticated: values are not
 * checked again.
 */
export function batchFromBytes(bytes: Uint8Array): EncodedBatch {
  const { session, seq, put, delete: gone, complete, coalesced } = Message.decode(bytes);
  return {
    session: session ?? '',
    seq: Number(seq),
    complete: (complete ?? []) as Collection[],
    ...(coalesced?.length ? { coalesced } : {}),
    put: (put ?? []).map(({ collection, key, value, trace }) => ({
      collection: collection as Collection,
      key: key ?? '',
      text: Buffer.from(value ?? []).toString(),
      ...traceOf(trace),
    })),
    delete: (gone ?? []).map(({ collection, key, trace }) => ({
      collection: collection as Collection,
      key: key ?? '',
      ...traceOf(trace),
    })),
  };
}
