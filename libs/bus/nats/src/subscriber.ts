import { batchFromBytes, createMirror, createOutbox, type Subscriber } from '@flotilla/bus-port';
import { followLog, type LogReader } from './log.ts';

/**
 * The subscribers' side. It reads as fast as the log comes and gathers for its reader, so that a slow one costs the state and no more.
 *   1. until a base was read, changes mean nothing: skip them;
 *   2. change n + 1 follows n; a smaller one was applied already;
 *   3. a larger one: what lay between was compacted away, so a base follows, which tells the difference.
 */
export function createNatsSubscriber(options: Pick<LogReader, 'connection' | 'stream' | 'signal' | 'onReconnect' | 'onProblem'>): Subscriber {
  return {
    async *subscribe(collections, signal) {
      const ended = AbortSignal.any([signal, options.signal]);
      const left = new AbortController();
      const mirror = createMirror(collections);
      const outbox = createOutbox(collections);
      let at: number | undefined;
      const give = (bytes: Uint8Array, whole: boolean): void => {
        const fresh = mirror.apply(batchFromBytes(bytes), { whole });
        if (fresh) outbox.add(fresh);
      };
      const reading = followLog({
        ...options,
        signal: AbortSignal.any([ended, left.signal]),
        onStream: () => (at = undefined),
        onEntry: ({ kind, n, bytes }) => {
          if (kind === 'base') {
            if (at !== undefined && n <= at) return;
            give(bytes, true);
            at = n;
          } else if (at !== undefined && n > at) {
            if (n === at + 1) give(bytes, false);
            at = n === at + 1 ? n : undefined;
          }
        },
      });
      try {
        yield* outbox.batches(ended);
      } finally {
        left.abort();
        await reading;
      }
    },
  };
}
