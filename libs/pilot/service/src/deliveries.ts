import type { Effect } from '@flotilla/ads';
import type { Span, TraceParent, Tracer } from '@flotilla/observability-port';
import type { PilotMetrics } from './metrics.ts';

/** What a push brings: the traces of the changes behind it, and since when they are known here (epoch milliseconds). */
export interface Cause {
  /** The World's revision with what has changed; Infinity when no object of it has. */
  readonly revision: number;
  readonly traces: readonly TraceParent[];
  readonly receivedAt: number;
}

interface Delivery {
  readonly spans: readonly Span[];
  readonly receivedAt: number;
}
/** A proxy that never acknowledges must not make us remember all it was sent. */
const maxOpen = 100;

/**
 * Follows what one proxy is sent because of a change until it acknowledges it: one span and one convergence time for
 * each response.
 */
export function createDeliveries(
  { tracer, metrics }: { readonly tracer: Tracer; readonly metrics: PilotMetrics },
  receiver: { proxy: string; nameOf(typeUrl: string): string },
) {
  const open = new Map<string, Delivery>();
  const end = (nonce: string, refused?: string): void => {
    const delivery = open.get(nonce);
    if (!delivery) return;
    open.delete(nonce);
    for (const span of delivery.spans) {
      if (refused !== undefined) span.fail(refused);
      span.end();
    }
    if (refused === undefined) metrics.convergence.observe((Date.now() - delivery.receivedAt) / 1000);
  };
  return {
    /** Takes note of an effect; `cause` is what the running push is for. */
    note(effect: Effect, cause: Cause | undefined): void {
      if (effect.kind === 'acked') end(effect.nonce);
      else if (effect.kind === 'rejected') end(effect.nonce, effect.error);
      else if (effect.kind === 'send' && cause) {
        const attributes = {
          proxy: receiver.proxy,
          type: receiver.nameOf(effect.typeUrl),
          resources: String(effect.resources.length),
        };
        open.set(effect.nonce, {
          spans: cause.traces.map((parent) => tracer.start('pilot.push', { parent, attributes })),
          receivedAt: cause.receivedAt,
        });
        for (const nonce of open.keys()) if (open.size > maxOpen) end(nonce, 'not acknowledged');
      }
    },
    /** The stream is over: nothing of it will be acknowledged. */
    close(): void {
      for (const nonce of [...open.keys()]) end(nonce, 'the stream ended');
    },
  };
}
