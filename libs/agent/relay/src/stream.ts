import { status } from '@grpc/grpc-js';
import type { ServerDuplexStream } from '@grpc/grpc-js';
import type { Logger } from '@flotilla/observability-port';
import { messageOf } from '@flotilla/std';
import type { Clock } from '@flotilla/std';
import { nameTableType, readNameTables, subscribeBytes } from './name-table.ts';
import type { NameTable, Variant } from './name-table.ts';
import type { OpenUpstream } from './upstream.ts';
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
/** Until pilot answers first, Envoy sends one request per type, and no more than it has resources to request. */
const maxHeldMessages = 1000;
const maxHeldBytes = 16 << 20;

type Upstream = Awaited<ReturnType<OpenUpstream>>;

/** Relays one stream of Envoy until either side ends it. Returns what ends it from outside. */
export function relayStream(options: RelayStreamOptions): (code: status, details: string) => void {
  const { variant, call, clock, log } = options;
  let upstream: Upstream | undefined;
  /** Requests that pilot may not have seen: sent again on the next connection, dropped at its first answer. */
  let held: Buffer[] | undefined = [];
  let heldBytes = 0;
  let pauses = 0;
  let cancelPause = (): void => {};
  let ended = false;

  const end = (code: status, details: string): void => {
    if (ended) return;
    finish();
    if (code === status.OK) call.end();
    else call.emit('error', Object.assign(new Error(details), { code, details }));
  };
  const finish = (): void => {
    if (ended) return;
    ended = true;
    cancelPause();
    options.onRelaying(false);
    upstream?.close();
    upstream = undefined;
  };

  const forward = (message: Buffer): void => {
    if (textField(message, responseTypeField) === nameTableType && options.onNameTable) {
      const { tables, ack } = readNameTables(variant, message);
      for (const table of tables) options.onNameTable(table);
      upstream?.stream.write(ack);
      return;
    }
    if (call.write(message)) return;
    const { stream } = upstream ?? {};
    stream?.pause();
    call.once('drain', () => stream?.resume());
  };
  const onMessage = (message: Buffer): void => {
    if (ended) return;
    if (held) {
      held = undefined;
      pauses = 0;
      options.onRelaying(true);
      log.info('connected to upstream XDS server');
    }
    try {
      forward(message);
    } catch (thrown) {
      log.warn('malformed name table', { error: messageOf(thrown) });
    }
  };
  const onGone = (gone: Upstream | undefined, details: string): void => {
    if (ended || gone !== upstream) return;
    gone?.close();
    upstream = undefined;
    if (!held) {
      log.warn('upstream XDS server is gone, Envoy keeps its configuration', { error: details });
      end(status.UNAVAILABLE, 'upstream XDS server is gone');
      return;
    }
    const pause = Math.min(firstPauseMs * 2 ** Math.min(pauses++, 10), maxPauseMs) * (0.75 + Math.random() / 2);
    log.warn('failed to connect to upstream XDS server', { error: details, retryInMs: Math.round(pause) });
    options.onRetry();
    cancelPause = clock.after(pause, connect);
  };
  const connect = (): void => {
    options.upstream(variant).then(
      (opened) => {
        if (ended) return opened.close();
        upstream = opened;
        opened.stream.on('data', onMessage);
        opened.stream.on('error', (error) => onGone(opened, messageOf(error)));
        opened.stream.on('end', () => onGone(opened, 'stream ended'));
        const [first, ...rest] = held ?? [];
        if (first) send(first, true);
        for (const message of rest) opened.stream.write(message);
      },
      (thrown: unknown) => onGone(undefined, messageOf(thrown)),
    );
  };
  const send = (message: Buffer, first: boolean): void => {
    if (!upstream) return;
    if (!upstream.stream.write(message)) {
      call.pause();
      upstream.stream.once('drain', () => call.resume());
    }
    // The first request names the node; the agent's own subscription follows it.
    if (first && options.onNameTable) upstream.stream.write(subscribeBytes(variant));
  };

  call.on('data', (message: Buffer) => {
    if (ended) return;
    const first = held?.length === 0;
    if (held) {
      held.push(message);
      heldBytes += message.length;
      if (held.length > maxHeldMessages || heldBytes > maxHeldBytes)
        return end(status.RESOURCE_EXHAUSTED, 'too many requests while pilot is away');
    }
    send(message, first);
  });
  call.on('end', () => end(status.OK, ''));
  for (const event of ['close', 'error', 'cancelled']) call.on(event, finish);
  connect();
  return end;
}
