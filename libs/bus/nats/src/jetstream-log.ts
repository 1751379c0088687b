import {
  DiscardPolicy,
  jetstream,
  JetStreamApiError,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
  type JetStreamManager,
  type StreamInfo,
} from '@nats-io/jetstream';
import type { NatsConnection, Subscription } from '@nats-io/nats-core';
import { deepEqual } from '@flotilla/std';
import { headersOf, parseHead } from './entry.ts';
import { feedSubject, logSubject, streamName, writerSubject } from './names.ts';
import type { LogEnd, WriteLog } from './write-log.ts';

export interface JetStreamLogOptions {
  readonly connection: NatsConnection;
  readonly revision: string;
  readonly replicas: number;
}

const timeoutMs = { api: 2000, append: 2000, answer: 1000 };
const codes = { streamNotFound: 10059, messageNotFound: 10037, wrongLastSequence: [10071, 10164] };
const isCode = (error: unknown, ...wanted: readonly number[]): boolean =>
  error instanceof JetStreamApiError && wanted.includes(error.code);

/** The writer's side of a revision's stream in JetStream. */
export function createJetStreamLog({ connection, revision, replicas }: JetStreamLogOptions): WriteLog {
  const stream = streamName(revision);
  const subjects = logSubject(revision, '*');
  let answering: Subscription | undefined;
  let known: { readonly id: string; readonly tail: LogEnd['tail'] } | undefined;

  const manager = (): Promise<JetStreamManager> =>
    jetstreamManager(connection, { checkAPI: false, timeout: timeoutMs.api });
  /** Readers have no consumers: they fetch, when the feed says that there is something. */
  const config = {
    subjects: [subjects],
    num_replicas: replicas,
    allow_direct: true,
    max_consumers: 1,
    republish: { src: subjects, dest: feedSubject(revision), headers_only: true },
  };
  const isConfigured = (found: StreamInfo['config']): boolean =>
    found.allow_direct && deepEqual(found.subjects, config.subjects) && deepEqual(found.republish, config.republish);

  async function info(): Promise<StreamInfo> {
    const { streams } = await manager();
    try {
      const found = await streams.info(stream, { subjects_filter: subjects });
      return isConfigured(found.config) ? found : await streams.update(stream, config);
    } catch (error) {
      if (!isCode(error, codes.streamNotFound)) throw error;
    }
    return streams.add({
      ...config,
      name: stream,
      storage: StorageType.File,
      retention: RetentionPolicy.Limits,
      discard: DiscardPolicy.Old,
    });
  }

  /** The head of the last message, which is fetched once: it may be large. */
  async function tailOf({
    created,
    state: { last_seq: last, last_ts: lastTime, messages },
  }: StreamInfo): Promise<LogEnd['tail']> {
    const id = `${created}/${last}/${lastTime}`;
    if (messages === 0) return undefined;
    if (id === known?.id) return known.tail;
    const { streams } = await manager();
    try {
      known = { id, tail: parseHead((await streams.getMessage(stream, { seq: last }))?.header) };
      return known.tail;
    } catch (error) {
      if (isCode(error, codes.messageNotFound)) return undefined;
      throw error;
    }
  }

  return {
    async end() {
      const found = await info();
      const { first_seq: first, last_seq: last, subjects: written = {} } = found.state;
      const terms = Object.keys(written).map((subject) => subject.slice(subject.lastIndexOf('.') + 1));
      const tail = await tailOf(found);
      return { first, last, terms, ...(tail ? { tail } : {}) };
    },
    async append({ data, ...head }, { last, own }) {
      try {
        const expect = { streamName: stream, lastSequence: last, lastSubjectSequence: own };
        const options = { headers: headersOf(head), expect, timeout: timeoutMs.append };
        return (await jetstream(connection).publish(logSubject(revision, head.term), data, options)).seq;
      } catch (error) {
        if (isCode(error, ...codes.wrongLastSequence)) return 'refused';
        throw error;
      }
    },
    async trim(terms, sequence) {
      // nats-server takes "before 1" for "everything".
      if (sequence <= 1) return;
      const { streams } = await manager();
      for (const term of new Set(terms))
        await streams.purge(stream, { filter: logSubject(revision, term), seq: sequence });
    },
    async answers(term) {
      try {
        await connection.request(writerSubject(revision, term), undefined, { timeout: timeoutMs.answer });
        return true;
      } catch {
        return false;
      }
    },
    answerFor(term) {
      answering?.unsubscribe();
      answering =
        term === undefined
          ? undefined
          : connection.subscribe(writerSubject(revision, term), { callback: (_, message) => void message.respond() });
    },
  };
}
