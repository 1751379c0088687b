import { status } from '@grpc/grpc-js';
import type { ServerDuplexStream } from '@grpc/grpc-js';
import type { Logger } from '@flotilla/observability-port';
import { messageOf } from '@flotilla/std';
import type { Clock } from '@flotilla/std';
import { nameTableType, readNameTables, subscribeBytes } from './name-table.ts';
import type { NameTable, Variant } from './name-table.ts';
import type { OpenUpstream } from './upstream.ts';
import { Unanswered } from './unanswered.ts';
import { responseTypeField, textField } from './wire.ts';

export interface RelayStreamOptions {
  readonly variant: Variant;
  readonly call: ServerDuplexStream<Buffer, Buffer>;
  readonly upstream: OpenUpstream;
  readonly onNameTable?: (table: NameTable) => void;
  readonly clock: Clock;
  readonly log: Logger;
  onRetry(): void;
  onRelaying(on: boolean): void;
}

const firstPauseMs = 100;
const maxPauseMs = 2000;

type Upstream = Awaited<ReturnType<OpenUpstream>>;

/** Relays one stream of Envoy until either side ends it. Returns what ends it from outside. */
export function relayStream(options: RelayStreamOptions): (code: status, details: string) => void {
  const stream = new RelayedStream(options);
  stream.start();
  return (code, details) => stream.end(code, details);
}

/**
 * How far a stream has come on the side of pilot.
 *
 *     connecting ──(pilot answers)──▶ relaying ──(the connection is gone, or Envoy's stream)──▶ ended
 *       │    ▲                                                                                    ▲
 *       │    └──(the connection is gone: another after a pause)                                   │
 *       └───────(Envoy's stream is gone, or it sends too much)────────────────────────────────────┘
 */
type State =
  | { readonly name: 'connecting'; readonly unanswered: Unanswered; failures: number; cancelPause(): void }
  | { readonly name: 'relaying' }
  | { readonly name: 'ended' };

class RelayedStream {
  readonly #options: RelayStreamOptions;
  #state: State = { name: 'connecting', unanswered: new Unanswered(), failures: 0, cancelPause() {} };
  #upstream: Upstream | undefined;

  constructor(options: RelayStreamOptions) {
    this.#options = options;
  }

  start(): void {
    const { call } = this.#options;
    call.on('data', (request: Buffer) => this.#onRequest(request));
    call.on('end', () => this.end(status.OK, ''));
    for (const event of ['close', 'error', 'cancelled']) call.on(event, () => this.#finish());
    this.#connect();
  }

  end(code: status, details: string): void {
    if (this.#state.name === 'ended') return;
    this.#finish();
    const { call } = this.#options;
    if (code === status.OK) call.end();
    else call.emit('error', Object.assign(new Error(details), { code, details }));
  }

  #finish(): void {
    if (this.#state.name === 'ended') return;
    if (this.#state.name === 'connecting') this.#state.cancelPause();
    this.#state = { name: 'ended' };
    this.#options.onRelaying(false);
    this.#upstream?.close();
    this.#upstream = undefined;
  }

  #connect(): void {
    this.#options.upstream(this.#options.variant).then(
      (opened) => this.#onConnected(opened),
      (thrown: unknown) => this.#onGone(undefined, messageOf(thrown)),
    );
  }

  #onConnected(opened: Upstream): void {
    const state = this.#state;
    if (state.name === 'ended') return opened.close();
    this.#upstream = opened;
    opened.stream.on('data', (message: Buffer) => this.#onResponse(message));
    opened.stream.on('error', (error) => this.#onGone(opened, messageOf(error)));
    opened.stream.on('end', () => this.#onGone(opened, 'stream ended'));
    if (state.name !== 'connecting') return;
    const [first, ...rest] = state.unanswered;
    if (first) this.#send(first, true);
    for (const request of rest) opened.stream.write(request);
  }

  #onGone(gone: Upstream | undefined, details: string): void {
    const { log, clock, onRetry } = this.#options;
    const state = this.#state;
    if (state.name === 'ended' || gone !== this.#upstream) return;
    gone?.close();
    this.#upstream = undefined;
    if (state.name === 'relaying') {
      log.warn('lost the upstream XDS server; Envoy keeps its configuration', { error: details });
      return this.end(status.UNAVAILABLE, 'upstream XDS server is gone');
    }
    const longest = Math.min(firstPauseMs * 2 ** Math.min(state.failures, 10), maxPauseMs);
    const pause = longest * (0.75 + Math.random() / 2);
    state.failures += 1;
    log.warn('failed to connect to upstream XDS server', { error: details, retryInMs: Math.round(pause) });
    onRetry();
    state.cancelPause = clock.after(pause, () => this.#connect());
  }

  #onRequest(request: Buffer): void {
    const state = this.#state;
    if (state.name === 'ended') return;
    const isFirst = state.name === 'connecting' && state.unanswered.isEmpty;
    if (state.name === 'connecting' && !state.unanswered.add(request))
      return this.end(status.RESOURCE_EXHAUSTED, 'too many requests while pilot is away');
    this.#send(request, isFirst);
  }

  #send(request: Buffer, isFirst: boolean): void {
    const { call, variant, onNameTable } = this.#options;
    const { stream } = this.#upstream ?? {};
    if (!stream) return;
    if (!stream.write(request)) {
      call.pause();
      stream.once('drain', () => call.resume());
    }
    // The first request names the node; the agent's own subscription follows it.
    if (isFirst && onNameTable) stream.write(subscribeBytes(variant));
  }

  #onResponse(message: Buffer): void {
    const { log, onRelaying } = this.#options;
    if (this.#state.name === 'ended') return;
    if (this.#state.name === 'connecting') {
      this.#state = { name: 'relaying' };
      onRelaying(true);
      log.info('connected to upstream XDS server');
    }
    try {
      this.#forward(message);
    } catch (thrown) {
      log.warn('malformed name table', { error: messageOf(thrown) });
    }
  }

  #forward(message: Buffer): void {
    const { call, variant, onNameTable } = this.#options;
    if (onNameTable && textField(message, responseTypeField) === nameTableType) {
      const { tables, ack } = readNameTables(variant, message);
      for (const table of tables) onNameTable(table);
      this.#upstream?.stream.write(ack);
      return;
    }
    if (call.write(message)) return;
    const { stream } = this.#upstream ?? {};
    stream?.pause();
    call.once('drain', () => stream?.resume());
  }
}
