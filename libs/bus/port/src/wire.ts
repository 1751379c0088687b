import { flotilla } from '@flotilla/proto-gen/bus';
import type { BatchFormat, Collection } from '@flotilla/model';
import type { EncodedBatch } from './encoded.ts';
import { checkFormat } from './format.ts';
import { keyFromWire, keyToWire } from './wire-key.ts';

const { Batch: Message, Format } = flotilla.bus.v1;
const traceOf = (trace: string | null | undefined): { trace?: string } => (trace ? { trace } : {});

function formatIn(bytes: Uint8Array): BatchFormat {
  const { major, minor } = Format.decode(bytes);
  return { major: major ?? 0, minor: minor ?? 0 };
}

/** A batch as flotilla.bus.v1.Batch. */
export const batchToBytes = ({
  session,
  seq,
  put,
  delete: gone,
  complete,
  coalesced,
  writer,
}: EncodedBatch): Uint8Array =>
  Message.encode({
    major: writer.format.major,
    minor: writer.format.minor,
    collections: [...writer.collections],
    session,
    seq,
    delete: gone.map(({ collection, key, trace }) => ({ collection, key: keyToWire(key), ...traceOf(trace) })),
    complete: [...complete],
    coalesced: [...(coalesced ?? [])],
    put: put.map(({ collection, key, text, version, trace }) => ({
      collection,
      key: keyToWire(key),
      value: Buffer.from(text),
      version,
      ...traceOf(trace),
    })),
  }).finish();

/**
 * The batch in these bytes; throws when they are not a batch, and FormatError when it is one of another major format.
 * Fields that this version does not know are ignored. The peer is the project's own and authenticated: values are not
 * checked again.
 */
export function batchFromBytes(bytes: Uint8Array): EncodedBatch {
  const format = formatIn(bytes);
  checkFormat(format);
  const { session, seq, put, delete: gone, complete, coalesced, collections } = Message.decode(bytes);
  return {
    writer: { format, collections: collections ?? [] },
    session: session ?? '',
    seq: Number(seq),
    complete: (complete ?? []) as Collection[],
    ...(coalesced?.length ? { coalesced } : {}),
    put: (put ?? []).map(({ collection, key, value, version, trace }) => ({
      collection: collection as Collection,
      key: keyFromWire(key),
      text: Buffer.from(value ?? []).toString(),
      version: version ?? '',
      ...traceOf(trace),
    })),
    delete: (gone ?? []).map(({ collection, key, trace }) => ({
      collection: collection as Collection,
      key: keyFromWire(key),
      ...traceOf(trace),
    })),
  };
}
