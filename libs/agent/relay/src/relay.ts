import { status } from '@grpc/grpc-js';
import type { handleBidiStreamingCall, ServerDuplexStream } from '@grpc/grpc-js';
import { listenOnSocket } from '@flotilla/grpc';
import type { Logger, Metrics } from '@flotilla/observability-port';
import type { GuardOptions } from '@flotilla/server';
import type { Clock } from '@flotilla/std';
import { discoveryMethods } from './methods.ts';
import type { NameTable, Variant } from './name-table.ts';
import { relayStream } from './stream.ts';
import type { OpenUpstream } from './upstream.ts';

export interface RelayOptions {
  /** Path of the Unix socket that Envoy dials. */
  readonly socket: string;
  readonly upstream: OpenUpstream;
  /** Receives each name table; without it none is requested. */
  readonly onNameTable?: (table: NameTable) => void;
  readonly guard?: GuardOptions;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
}
export interface Relay {
  /** Whether a stream to pilot has carried an answer and is still open. */
  connected(): boolean;
  close(): Promise<void>;
}

/** Envoy's requests name everything that it has. */
const maxMessageBytes = 64 << 20;

/**
 * Serves discovery to Envoy on a Unix socket and hands the bytes to pilot and back, undecoded. One stream to pilot for
 * each stream of Envoy:
 *
 * connecting ── answer ──▶ relaying ── pilot gone ──▶ Envoy's stream is closed; it keeps its configuration and opens
 * the next
 *       ▲  │ pilot away: again after a pause, Envoy's requests are sent again
 *       └──┘
 */
export async function createRelay(options: RelayOptions): Promise<Relay> {
  const relaying = new Set<object>();
  const failures = options.metrics.counter('istio_agent_num_outgoing_retries', 'Number of outgoing retry requests', {
    request_type: ['xds'],
  });
  const connections = options.metrics.gauge('istio_agent_xds_proxy_connections', 'Streams of Envoy that are relayed');
  const serve =
    (variant: Variant) =>
    (call: ServerDuplexStream<Buffer, Buffer>): void => {
      const { onNameTable } = options;
      const end = relayStream({
        variant,
        call,
        upstream: options.upstream,
        clock: options.clock,
        log: options.log,
        ...(onNameTable ? { onNameTable } : {}),
        onRetry: () => failures.add(1, { request_type: 'xds' }),
        onRelaying: (on) => {
          if (on) relaying.add(call);
          else relaying.delete(call);
          connections.set(relaying.size);
        },
      });
      streams.add(end);
      call.once('close', () => streams.delete(end));
    };
  const streams = new Set<(code: status, details: string) => void>();
  const discovery = {
    StreamAggregatedResources: discoveryMethods.sotw,
    DeltaAggregatedResources: discoveryMethods.delta,
  };
  const handlers = {
    StreamAggregatedResources: serve('sotw'),
    DeltaAggregatedResources: serve('delta'),
  } as unknown as Record<string, handleBidiStreamingCall<unknown, unknown>>;
  const listening = await listenOnSocket(
    options.socket,
    [{ addTo: (server) => server.addService(discovery, handlers) }],
    { ...options.guard, grpc: { maxMessageBytes } },
  );
  return {
    connected: () => relaying.size > 0,
    async close() {
      for (const end of streams) end(status.UNAVAILABLE, 'the agent is stopping');
      await listening.close(0);
    },
  };
}
