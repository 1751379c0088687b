import { randomUUID } from 'node:crypto';
import { DiscardPolicy, jetstream, JetStreamApiError, RetentionPolicy, StorageType } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { batchFromBytes, batchToBytes, createBusState, encodeBatch, isEmpty, type Publisher } from '@flotilla/bus-port';
import { messageOf } from '@flotilla/std';
import { pause } from './connection.ts';
import { partsOf, type Entry } from './entry.ts';
import { followLog, managerOf, type LogReader } from './log.ts';

export interface NatsPublisherOptions extends Pick<LogReader, 'connection' | 'stream' | 'signal' | 'onReconnect' | 'onProblem'> {
  readonly subject: string;
  readonly replicas: number;
}

/** A new base is written when the changes since the last one are this many, or larger than it by this factor. */
const compaction = { entries: 1000, bytes: 4 * 1024 * 1024, factor: 2 };
const ackTimeoutMs = 2000;
const streamNotFound = 10059;

async function ensureStream(connection: NatsConnection, { stream, subject, replicas }: NatsPublisherOptions): Promise<{ created: string; last: number }> {
  const { streams } = await managerOf(connection);
  try {
    const { created, state } = await streams.info(stream);
    return { created, last: state.last_seq };
  } catch (error) {
    if (!(error instanceof JetStreamApiError) || error.code !== streamNotFound) throw error;
  }
  const { created, state } = await streams.add({
    name: stream, subjects: [subject], storage: StorageType.File, retention: RetentionPolicy.Limits, discard: DiscardPolicy.Old, num_replicas: replicas,
    duplicate_window: 120 * 1e9,
  });
  return { created, last: state.last_seq };
}

/** galley's side: a log of changes in one stream, with a base from time to time that lets what lies before it go. There is one publisher at a time. */
export function createNatsPublisher(options: NatsPublisherOptions): Publisher {
  const { connection, stream, subject, signal: closed, onReconnect, onProblem } = options;
  const writer = randomUUID();
  const state = createBusState();
  let n = 0;
  let known: { created: string; last: number } | undefined;
  /** The log does not hold the state: the next thing written is a base. */
  let needsBase = false;
  let needsCheck = true;
  const since = { entries: 0, bytes: 0, base: 0 };

  /** What is in the log already, from a galley before this one. */
  async function load(): Promise<void> {
    const info = await ensureStream(connection, options);
    known = info;
    if (info.last === 0) return void (needsBase = true);
    const done = new AbortController();
    const atEnd = pause(30_000, AbortSignal.any([done.signal, closed]));
    let isSynced = false;
    const reading = followLog({
      connection, stream, onReconnect, onProblem, signal: AbortSignal.any([done.signal, closed]), onStream: () => {},
      onEntry: ({ kind, n: number, bytes }, seq) => {
        if (kind === 'base' ? !isSynced : isSynced && number === n + 1) {
          state.take(batchFromBytes(bytes));
          [n, isSynced] = [number, true];
        }
        if (seq >= info.last) done.abort();
      },
    });
    await atEnd;
    done.abort();
    await reading;
    // An entry that its writer never finished may be the last: what is known is as good as a new beginning.
    needsBase = true;
  }

  async function check(): Promise<void> {
    if (!known) await load();
    const info = await ensureStream(connection, options);
    if (info.created !== known?.created || info.last < known.last) needsBase = true;
    known = { created: info.created, last: info.last };
    needsCheck = false;
  }

  async function send(entry: Entry): Promise<{ first: number }> {
    let first = 0;
    for (const { id, headers, data } of partsOf(entry)) {
      const { seq } = await jetstream(connection).publish(subject, data, { msgID: id, headers, timeout: ackTimeoutMs });
      first ||= seq;
      if (known) known.last = Math.max(known.last, seq);
    }
    return { first };
  }

  let bases = 0;
  async function sendBase(): Promise<void> {
    const bytes = batchToBytes(state.whole());
    bases += 1;
    const { first } = await send({ kind: 'base', n, writer: `${writer}-${bases}`, bytes });
    needsBase = false;
    Object.assign(since, { entries: 0, bytes: 0, base: bytes.length });
    // nats-server takes "below 1" for "everything".
    if (first > 1) await (await managerOf(connection)).streams.purge(stream, { seq: first });
  }

  /** Does it until it is done: while the server is away, or has just come back empty, there is nothing else to do. */
  async function persist(work: () => Promise<void>, signal: AbortSignal): Promise<void> {
    for (let wait = 20; ; wait = Math.min(wait * 2, 500)) {
      signal.throwIfAborted();
      try {
        if (needsCheck) await check();
        return await work();
      } catch (error) {
        needsCheck = true;
        onProblem(`bus: publishing to ${stream}: ${messageOf(error)}`);
      }
      await pause(wait, signal);
    }
  }

  let chain: Promise<unknown> = Promise.resolve();
  const inTurn = (work: () => Promise<void>): Promise<void> => {
    const turn = chain.then(work);
    chain = turn.catch(() => {});
    return turn;
  };
  const repair = async (): Promise<void> => {
    if (needsBase) await sendBase();
  };
  const isDue = (): boolean => since.entries > compaction.entries || since.bytes > compaction.bytes + compaction.factor * since.base;

  onReconnect(() => {
    needsCheck = true;
    if (known) void inTurn(() => persist(repair, closed)).catch(() => {});
  });

  return {
    publish: (batch, signal) => inTurn(async () => {
      const ended = signal ? AbortSignal.any([signal, closed]) : closed;
      await persist(() => Promise.resolve(), ended);
      const fresh = state.take(encodeBatch(batch));
      if (isEmpty(fresh)) return;
      n += 1;
      const bytes = batchToBytes(fresh);
      try {
        await persist(async () => {
          if (needsBase) return sendBase();
          await send({ kind: 'change', n, writer, bytes });
          since.entries += 1;
          since.bytes += bytes.length;
        }, ended);
      } catch (error) {
        needsBase = true;
        throw error;
      }
      if (isDue()) void inTurn(() => persist(sendBase, closed)).catch(() => {});
    }),
  };
}
