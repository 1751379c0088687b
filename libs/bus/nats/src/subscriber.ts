import { createOutbox, type Subscriber } from '@flotilla/bus-port';
import { createFollower } from './follow.ts';
import { followLog, type LogReader } from './read-log.ts';

/**
 * The subscribers' side. It reads as fast as the log comes and gathers for its reader, so that a slow one costs the
 * state and no more.
 */
export function createNatsSubscriber(options: Omit<LogReader, 'onPart'>): Subscriber {
  return {
    async *subscribe(collections, signal) {
      const ended = AbortSignal.any([signal, options.signal]);
      const left = new AbortController();
      const outbox = createOutbox(collections);
      const follow = createFollower(collections, options.onProblem);
      const onPart: LogReader['onPart'] = (part) => {
        const fresh = follow(part);
        if (fresh) outbox.add(fresh);
      };
      const reading = followLog({ ...options, signal: AbortSignal.any([ended, left.signal]), onPart });
      try {
        yield* outbox.batches(ended);
      } finally {
        left.abort();
        await reading;
      }
    },
  };
}
