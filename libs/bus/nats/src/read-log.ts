import { createInbox, type Msg, type NatsConnection } from '@nats-io/nats-core';
import { messageOf, pause } from '@flotilla/std';
import { parseHead, type Part } from './entry.ts';
import { createCursor, type Cursor } from './follow.ts';
import { directGetSubject, feedSubject } from './names.ts';

export interface LogReader {
  readonly connection: NatsConnection;
  readonly revision: string;
  /** What the subjects of its inboxes begin with. */
  readonly inboxes: string;
  readonly signal: AbortSignal;
  /** Calls back at each reconnection; returns how to stop that. */
  readonly onReconnect: (listener: () => void) => () => void;
  readonly onProblem: (message: string) => void;
  /** Each part in its order; after the stream was made again, from its beginning. */
  onPart(part: Part): void;
}

/** What one request brings at most. */
const fetchLimits = { batch: 256, max_bytes: 4 * 1024 * 1024 };
const timeoutMs = 5000;
const retryMs = { first: 20, most: 1000 };
/** A bell can be lost with a connection only, and then the reader looks by itself: this covers unforeseen cases. */
const lookMs = { ahead: 30_000, noStream: 1000 };
/**
 * Another server of a cluster has a message a little later than the one that rang; after so many attempts it was
 * dropped.
 */
const maxLag = 10;

const status = { endOfBatch: 204, notFound: 404, noResponders: 503 };

/**
 * Follows a stream from its first message until the signal aborts. It has no consumer, since who may create one may
 * create many and name any subject for what they deliver: it fetches (a direct get of JetStream) from where it is,
 * again whenever the stream's feed rings with a number that it has not read.
 */
export async function followLog(reader: LogReader): Promise<void> {
  const { connection, revision, signal, onReconnect, onProblem } = reader;
  const cursor = createCursor();
  let rung = 0;
  let wake = (): void => {};
  let giveUp = (): void => {};
  const reconnected = (): void => {
    cursor.doubt();
    rung = 0;
    giveUp();
    wake();
  };
  const bell = connection.subscribe(feedSubject(revision), {
    callback: (_, message) => {
      const sequence = Number(message.headers?.get('Nats-Sequence'));
      if (sequence < cursor.from) cursor.doubt();
      rung = sequence;
      wake();
    },
  });
  const forget = onReconnect(reconnected);
  for (let [wait, lag] = [retryMs.first, 0]; !signal.aborted;) {
    const [woken, lost] = [new AbortController(), new AbortController()];
    [wake, giveUp] = [() => woken.abort(), () => lost.abort(new Error('the connection was lost'))];
    const rest = (ms: number): Promise<void> => pause(ms, AbortSignal.any([signal, woken.signal]));
    try {
      const fetched = await fetchParts({ ...reader, cursor, signal: AbortSignal.any([signal, lost.signal]) });
      wait = retryMs.first;
      if (fetched === 'more') {
        lag = 0;
        continue;
      }
      const isBehind = rung >= cursor.from && lag < maxLag;
      lag = isBehind ? lag + 1 : 0;
      if (isBehind) await pause(Math.min(wait * lag, retryMs.most), signal);
      else {
        rung = 0;
        await rest(fetched === 'no stream' ? lookMs.noStream : lookMs.ahead);
        if (!woken.signal.aborted) cursor.doubt();
      }
    } catch (error) {
      if (signal.aborted) break;
      onProblem(`reading: ${messageOf(error)}`);
      cursor.doubt();
      await rest(wait);
      wait = Math.min(wait * 2, retryMs.most);
    }
  }
  forget();
  if (!connection.isClosed()) bell.unsubscribe();
}

type FetchOptions = Pick<LogReader, 'connection' | 'revision' | 'inboxes' | 'signal' | 'onPart'> & {
  readonly cursor: Cursor;
};

/**
 * One request: gives the parts that it brings to `onPart`. Rejects when the server does not answer in time, or `signal`
 * aborts.
 */
function fetchParts({
  connection,
  revision,
  inboxes,
  signal,
  cursor,
  onPart,
}: FetchOptions): Promise<'more' | 'done' | 'no stream'> {
  const { promise, resolve, reject } = Promise.withResolvers<'more' | 'done' | 'no stream'>();
  const inbox = createInbox(inboxes);
  let isEmpty = true;
  let isOver = false;
  const deadline = (): NodeJS.Timeout => setTimeout(() => reject(new Error('the server does not answer')), timeoutMs);
  let timer = deadline();

  const take = ({ headers, data }: Msg): void => {
    if (isOver) return;
    clearTimeout(timer);
    timer = deadline();
    const { code = 0, description = '' } = headers ?? {};
    if (code === status.noResponders) return resolve('no stream');
    if (code === status.notFound || code === status.endOfBatch)
      return resolve(isEmpty && cursor.end() === 'done' ? 'done' : 'more');
    if (code !== 0) return reject(new Error(`status ${code} ${description}`));
    isEmpty = false;
    const head = parseHead(headers);
    const outcome = cursor.take(Number(headers?.get('Nats-Sequence')), head);
    if (outcome === 'read' && head) onPart({ ...head, data });
    if (outcome !== 'ask again') return;
    isOver = true;
    resolve('more');
  };
  const subscription = connection.subscribe(inbox, {
    callback: (error, message) => (error ? reject(error) : take(message)),
  });
  const abort = (): void => reject(signal.reason as Error);
  signal.addEventListener('abort', abort);
  if (signal.aborted) abort();
  const request = { seq: cursor.from, ...fetchLimits };
  connection.publish(directGetSubject(revision), JSON.stringify(request), { reply: inbox });
  return promise.finally(() => {
    clearTimeout(timer);
    isOver = true;
    signal.removeEventListener('abort', abort);
    if (!connection.isClosed()) subscription.unsubscribe();
  });
}
