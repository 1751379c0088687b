import { status, type ServerDuplexStream } from '@grpc/grpc-js';
import {
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
import { flagOf, type AdsLimits, type LimitKind } from './limits.ts';
import { PermissionDenied, type OpenSession, type Session } from './session.ts';
import type { Kept, KeptLimit, StreamCounts } from './stream-counts.ts';
import type { Turns, Worker } from './turns.ts';

export interface StreamOptions {
  readonly protocol: Protocol;
  readonly open: OpenSession;
  readonly read: ReadRequest;
  readonly encoder: ResponseEncoder;
  /** Shared with all other streams. */
  readonly turns: Turns;
  readonly counts: Pick<StreamCounts, 'keep'>;
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
/** Requests that wait are read ahead up to so many bytes. */
const maxBacklogBytes = 1 << 20;
const statusOf = (limit: LimitKind): status =>
  limit === 'xds_write_timeout' ? status.DEADLINE_EXCEEDED : status.RESOURCE_EXHAUSTED;
const wordsOf: Readonly<Record<Kept, string>> = {
  names: 'names',
  unknownNames: 'unknown names',
  queuedBytes: 'bytes of requests that wait',
  nodeBytes: 'bytes of nodes',
};
const isTotal = (limit: KeptLimit): boolean => limit.startsWith('xds_total_');
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
 * One stream. It works in turns with other streams, and in this order: what is left to be sent of an answer, more of
 * what was requested, pushes, requests that wait in its backlog. Pushes are merged while the client reads slowly.
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
  #backlogBytes = 0;
  /** Types of which the last request is not answered completely. */
  readonly #unfinished = new Set<string>();
  #isHalfClosed = false;
  readonly #kept: Record<Kept, number> = { names: 0, unknownNames: 0, queuedBytes: 0, nodeBytes: 0 };
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
    else if (this.#preparing) this.#answer(this.#preparing);
    else if (typeUrl !== undefined) {
      this.#unfinished.delete(typeUrl);
      this.#prepare({ kind: 'continue', typeUrl });
    } else if (this.#canPush) this.#pushPending();
    else this.#next();
    this.#finish();
    return this.#hasWork;
  }

  /** Whether there is work that can be done now. */
  get #hasWork(): boolean {
    if (this.#isOver || this.#unwrittenBytes >= maxUnwrittenBytes) return false;
    return this.#hasToAnswer || this.#canPush;
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
    const { read, open, identity, log, hit } = this.#options;
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
        ...(identity ? { identity } : {}),
      });
    } catch (error) {
      if (error instanceof RequestTooLarge)
        this.#refuse(error.limit, `${error.message}: ask for less, or raise pilot's ${flagOf(error.limit)}`);
      else this.#end(statusFor(error), messageOf(error));
      return;
    }
    this.#keep('nodeBytes', this.#session.nodeBytes);
    this.#prepare(request.event);
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
      this.#keep('unknownNames', this.#session?.unknownNames ?? 0);
      if (this.#isPushing && this.#pending.size === 0) this.#session?.onPushed();
      this.#isPushing = false;
    });
  }

  #effect(effect: Effect): void {
    this.#session?.onEffect(effect);
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

  /** Sets how much the stream keeps in memory. */
  #keep(kept: Kept, count: number): void {
    const { counts, client } = this.#options;
    const exceeded = counts.keep(client, kept, count - this.#kept[kept]);
    this.#kept[kept] = count;
    if (!exceeded) return;
    const whose = isTotal(exceeded) ? 'of this pilot' : `of ${client}`;
    this.#refuse(
      exceeded,
      `too many ${wordsOf[kept]} on all streams ${whose}: ask for less, or raise pilot's ${flagOf(exceeded)}`,
    );
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
    this.#call.once(
      'close',
      clock.after(limits.xdsWriteTimeout, () => resetCall(this.#call)),
    );
  }

  #close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cancelDeadline();
    this.#backlog.length = 0;
    this.#preparing = undefined;
    this.#outgoing = [];
    this.#unfinished.clear();
    this.#pending.clear();
    for (const kept of ['names', 'unknownNames', 'queuedBytes', 'nodeBytes'] as const) this.#keep(kept, 0);
    this.#session?.close();
    this.#session = undefined;
    // What the client still sends is of no use: it is read, and dropped.
    this.#flow.release();
  }
}
