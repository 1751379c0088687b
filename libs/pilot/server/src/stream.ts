import { status, type ServerDuplexStream } from '@grpc/grpc-js';
import {
  addedNames,
  countNames,
  createState,
  MalformedMessage,
  newNames,
  RequestTooLarge,
  step,
  type Changes,
  type Effect,
  type Event,
  type Protocol,
  type ReadRequest,
  type Request,
  type RequestEvent,
  type ResponseEncoder,
} from '@flotilla/ads';
import { resetCall } from '@flotilla/grpc';
import type { LimitHit, Logger } from '@flotilla/observability-port';
import { envoy } from '@flotilla/proto-gen/discovery';
import { messageOf, type Clock } from '@flotilla/std';
import { holdable } from './hold.ts';
import { KeptByStream } from './kept.ts';
import { isLarge, type LargeRequests, type Place } from './large-requests.ts';
import { flagOf, type AdsLimits, type LimitKind } from './limits.ts';
import { PermissionDenied, type OpenSession, type Session } from './session.ts';
import type { Kept, StreamCounts } from './stream-counts.ts';
import type { Turns, Worker } from './turns.ts';

export interface StreamOptions {
  readonly protocol: Protocol;
  readonly open: OpenSession;
  readonly read: ReadRequest;
  readonly encoder: ResponseEncoder;
  /** Shared with all other streams. */
  readonly turns: Turns;
  readonly large: LargeRequests;
  readonly counts: Pick<StreamCounts, 'keep' | 'mayWatchUnknown'>;
  /** Whom its names are counted for. */
  readonly client: string;
  readonly limits: AdsLimits;
  /** Called once for each time that a limit is hit. */
  readonly hit: LimitHit<LimitKind>;
  readonly clock: Clock;
  /** Its lines name the client's address. */
  readonly log: Logger;
  /** What the client's certificate proves. */
  readonly identity?: string;
}

/** While more bytes than this wait for the client to take them, its requests wait too. */
const maxUnwrittenBytes = 1 << 20;
/** For which the client of a stream that is over may leave responses, or the status, unread: milliseconds. */
const maxLingerMs = 5000;
/** Requests that wait are read ahead up to so many bytes. */
const maxBacklogBytes = 1 << 20;
const statusOf = (limit: LimitKind): status =>
  limit === 'xds_write_timeout' ? status.DEADLINE_EXCEEDED : status.RESOURCE_EXHAUSTED;
/** Bytes that are not a request have the status that gRPC's libraries give them. */
const statusFor = (error: unknown): status =>
  error instanceof PermissionDenied
    ? status.PERMISSION_DENIED
    : error instanceof MalformedMessage
      ? status.INTERNAL
      : status.INVALID_ARGUMENT;

/** What the stream works on: a request, or the rest of one. */
type Attended = RequestEvent | Extract<Event, { kind: 'continue' }>;

/**
 * One stream. It works in turns with other streams, with large requests after those of the same client, and in this
 * order: what is left to be sent of an answer, more of what was requested, pushes, requests that wait in its backlog.
 * Pushes are merged while the client reads slowly.
 *
 *            first request           backlog full, or responses not taken
 *   opened ────────────────▶ serving ◀────────────────────────────────────▶ held back: nothing is read from the client
 *                               │                                                │
 *                               │ refused, or failed                             │ responses not taken in time
 *                               └───────────────────▶ over ◀─────────────────────┘
 */
export class AdsStream implements Worker {
  readonly #call: ServerDuplexStream<Buffer, Buffer>;
  readonly #options: StreamOptions;
  readonly #state = createState();
  readonly #flow: ReturnType<typeof holdable>;
  readonly #backlog: Buffer[] = [];
  /** The request of which the answer is being prepared, and the names in it that are new. */
  #preparing: { readonly event: Attended; readonly names: readonly string[] } | undefined;
  /** What is left of the last step, to be sent once the client has taken what was sent before. */
  #outgoing: readonly Effect[] = [];
  #isPushing = false;
  /** Whether the last request was large. */
  #answersLarge = false;
  #backlogBytes = 0;
  /** Types of which the last request is not answered completely. */
  readonly #unfinished = new Set<string>();
  #isHalfClosed = false;
  readonly #kept: KeptByStream;
  readonly #place: Place;
  /** Unknown names of requests that are not answered completely, with those of all that are. */
  #expectedUnknown = 0;
  #isOver = false;
  #session: Session | undefined;
  #pending = new Map<string, Set<string> | 'all'>();
  /** Responses that the connection has not taken yet. */
  #unwritten = 0;
  #unwrittenBytes = 0;
  #cancelDeadline = (): void => {};

  constructor(call: ServerDuplexStream<Buffer, Buffer>, options: StreamOptions) {
    this.#call = call;
    this.#options = options;
    this.#kept = new KeptByStream(options.counts, options.client);
    this.#place = options.large.placeOf(options.client, this);
    this.#flow = holdable(call);
    call.on('data', (bytes: Buffer) => this.#enqueue(bytes));
    call.on('end', () => {
      this.#isHalfClosed = true;
      this.#finish();
    });
    for (const event of ['error', 'close', 'cancelled']) call.on(event, () => this.#close());
  }

  work(): boolean {
    if (!this.#hasWork) return false;
    const [typeUrl] = this.#unfinished;
    if (this.#outgoing.length > 0) this.#flush();
    else if (this.#isLarge && !this.#place.take()) return false;
    else if (this.#preparing) this.#answer(this.#preparing);
    else if (typeUrl !== undefined) {
      this.#unfinished.delete(typeUrl);
      this.#prepare({ kind: 'continue', typeUrl });
    } else if (this.#canPush) this.#pushPending();
    else this.#next();
    if (!this.#preparing) this.#place.leave();
    this.#finish();
    return this.#hasWork;
  }

  /** Whether there is work that can be done now. */
  get #hasWork(): boolean {
    if (this.#isOver || this.#unwrittenBytes >= maxUnwrittenBytes) return false;
    // Nor is anything pushed while it waits: the first of a queue must be able to write.
    if (this.#place.isBehind) return false;
    return this.#hasToAnswer || this.#canPush;
  }

  /** Whether its next piece of work is one of a large request. */
  get #isLarge(): boolean {
    if (this.#preparing || this.#unfinished.size > 0) return this.#answersLarge;
    return !this.#canPush && isLarge(this.#backlog[0]);
  }

  get #hasToAnswer(): boolean {
    return (
      this.#outgoing.length > 0 ||
      this.#preparing !== undefined ||
      this.#unfinished.size > 0 ||
      this.#backlog.length > 0
    );
  }

  get #canPush(): boolean {
    return this.#pending.size > 0 && this.#unwritten === 0;
  }

  #next(): void {
    const bytes = this.#backlog.shift();
    if (!bytes) return;
    this.#backlogBytes -= bytes.length;
    this.#answersLarge = isLarge(bytes);
    this.#keep('queuedBytes', this.#backlogBytes);
    this.#attend(bytes);
    this.#holdOrRelease();
  }

  /** Ends the stream when its client has, and everything is answered. */
  #finish(): void {
    if (this.#isOver || !this.#isHalfClosed || this.#hasToAnswer) return;
    this.#call.end();
    this.#close();
    this.#linger();
  }

  #enqueue(bytes: Buffer): void {
    if (this.#isOver) return;
    this.#backlog.push(bytes);
    this.#backlogBytes += bytes.length;
    this.#keep('queuedBytes', this.#backlogBytes);
    if (this.#isOver) return;
    if (this.#backlog.length === this.#options.limits.xdsQueuedRequests) this.#options.hit('xds_queued_requests');
    this.#holdOrRelease();
    this.#options.turns.add(this);
  }

  #holdOrRelease(): void {
    if (this.#backlog.length >= this.#options.limits.xdsQueuedRequests || this.#backlogBytes >= maxBacklogBytes)
      this.#flow.hold();
    else this.#flow.release();
  }

  #attend(bytes: Buffer): void {
    const { read, open, identity, log, hit, counts, client } = this.#options;
    let request: Request;
    try {
      request = read(bytes);
      const { node } = request;
      // A node too many is refused before memory is spent on decoding it; each byte may be a character of two bytes.
      if (!this.#session) this.#keep('nodeBytes', 2 * (node?.length ?? 0));
      if (this.#isOver) return;
      this.#session ??= open({
        node: node ? envoy.config.core.v3.Node.decode(node) : {},
        push: (types) => this.#push(types),
        log,
        hit,
        mayWatchUnknown: () => counts.mayWatchUnknown(client),
        ...(identity ? { identity } : {}),
      });
    } catch (error) {
      if (error instanceof RequestTooLarge)
        this.#refuse(error.limit, `${error.message}: ask for less, or raise pilot's ${flagOf(error.limit)}`);
      else this.#end(statusFor(error), messageOf(error));
      return;
    }
    this.#keep('nodeBytes', this.#session.nodeBytes);
    this.#reserve(request.event);
    if (!this.#isOver) this.#prepare(request.event);
  }

  /**
   * A request that takes several steps is counted before the first one, so that what would be refused in the end costs
   * nothing.
   */
  #reserve(event: RequestEvent): void {
    const { length } = event.kind === 'delta' ? event.subscribe : event.names;
    const session = this.#session;
    if (!session || length <= this.#options.protocol.limits.namesPerStep) return;
    const unknown = session.countUnknown(event.typeUrl, addedNames(this.#state, event));
    this.#expectedUnknown = Math.max(this.#expectedUnknown, session.unknownNames) + unknown;
    this.#keep('unknownNames', this.#expectedUnknown);
  }

  #prepare(event: Attended): void {
    this.#answer({ event, names: newNames(this.#state, event, this.#options.protocol) });
  }

  #answer(asked: { readonly event: Attended; readonly names: readonly string[] }): void {
    const isReady = this.#session?.prepare(asked.event.typeUrl, asked.names) !== false;
    this.#preparing = isReady ? undefined : asked;
    if (isReady) this.#run(asked.event);
  }

  #run(event: Event): void {
    const session = this.#session;
    if (!session) return;
    this.#attempt(() => {
      this.#outgoing = step(this.#state, event, { source: session.source, protocol: this.#options.protocol });
    });
    this.#flush();
  }

  /** Continues with what earlier steps have left, as far as the client takes it. */
  #flush(): void {
    this.#attempt(() => {
      let done = 0;
      for (const effect of this.#outgoing) {
        if (this.#isOver || (effect.kind === 'send' && this.#unwrittenBytes >= maxUnwrittenBytes)) break;
        done += 1;
        this.#effect(effect);
      }
      this.#outgoing = this.#outgoing.slice(done);
      if (this.#isOver || this.#outgoing.length > 0) return;
      this.#keep('names', countNames(this.#state));
      this.#keepUnknown();
      if (this.#isPushing && this.#pending.size === 0) this.#session?.onPushed();
      this.#isPushing = false;
    });
  }

  #effect(effect: Effect): void {
    this.#session?.onEffect(effect);
    if (effect.kind === 'subscribed') this.#keepUnknown();
    if (effect.kind === 'send') this.#write(this.#options.encoder.encode(effect, this.#state.variant));
    if (effect.kind === 'unfinished') this.#unfinished.add(effect.typeUrl);
    if (effect.kind === 'refuse')
      this.#refuse(effect.limit, `${effect.message}: ask for less, or raise pilot's ${flagOf(effect.limit)}`);
  }

  #attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#options.log.error('stream failed', { error: messageOf(error) });
      this.#end(status.INTERNAL, 'pilot failed to answer; its log says why');
    }
  }

  #keepUnknown(): void {
    if (!this.#session) return;
    const { unknownNames, watchedUnknownNames } = this.#session;
    if (this.#unfinished.size === 0 && this.#outgoing.length === 0) this.#expectedUnknown = 0;
    this.#keep('unknownNames', Math.max(unknownNames, this.#expectedUnknown));
    this.#keep('watchedUnknownNames', watchedUnknownNames);
  }

  /** Sets how much the stream keeps in memory. */
  #keep(kept: Kept, count: number): void {
    const exceeded = this.#kept.set(kept, count);
    if (exceeded) this.#refuse(exceeded.limit, exceeded.message);
  }

  #write(response: Buffer): void {
    this.#unwritten += 1;
    this.#unwrittenBytes += response.length;
    if (this.#unwritten === 1) this.#expectReader();
    this.#call.write(response, () => {
      this.#unwritten -= 1;
      this.#unwrittenBytes -= response.length;
      if (this.#isOver) return;
      this.#expectReader();
      this.#options.turns.add(this);
    });
  }

  /** From now on the client has its time to take the next response. */
  #expectReader(): void {
    const { clock, limits } = this.#options;
    this.#cancelDeadline();
    if (this.#unwritten === 0) return;
    this.#cancelDeadline = clock.after(limits.xdsWriteTimeout, () => {
      this.#refuse(
        'xds_write_timeout',
        `a response was not taken within ${limits.xdsWriteTimeout} ms: read faster, or raise pilot's ${flagOf('xds_write_timeout')}`,
      );
      resetCall(this.#call);
    });
  }

  /** Sends what has changed of these in its turn, once the client has taken everything that was sent before. */
  #push(types: Changes): void {
    if (this.#isOver) return;
    for (const [typeUrl, names] of types) {
      const known = this.#pending.get(typeUrl);
      if (names === 'all' || known === 'all') this.#pending.set(typeUrl, 'all');
      else if (!known) this.#pending.set(typeUrl, new Set(names));
      else for (const name of names) known.add(name);
    }
    if (this.#canPush) this.#options.turns.add(this);
  }

  #pushPending(): void {
    const changed = this.#pending;
    this.#pending = new Map();
    this.#isPushing = true;
    this.#run({ kind: 'changed', types: changed });
  }

  #refuse(limit: LimitKind, details: string): void {
    if (this.#isOver) return;
    this.#options.hit(limit);
    this.#end(statusOf(limit), details);
  }

  #end(code: status, details: string): void {
    if (this.#isOver) return;
    this.#options.log.warn('stream refused', { error: details });
    this.#call.emit('error', Object.assign(new Error(details), { code, details }));
    this.#linger();
  }

  /** The client of a stream that is over may take neither what was written before nor the status. */
  #linger(): void {
    const { clock, limits } = this.#options;
    const withinMs = Math.min(limits.xdsWriteTimeout, maxLingerMs);
    this.#call.once(
      'close',
      clock.after(withinMs, () => resetCall(this.#call)),
    );
  }

  #close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#place.leave();
    this.#cancelDeadline();
    this.#backlog.length = 0;
    this.#preparing = undefined;
    this.#outgoing = [];
    this.#unfinished.clear();
    this.#pending.clear();
    this.#state.subscriptions.clear();
    this.#kept.release();
    this.#session?.close();
    this.#session = undefined;
    // What the client still sends is of no use: it is read, and dropped.
    this.#flow.release();
  }
}
