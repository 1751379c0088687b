import { createBusState, createOutbox, encodeBatch, type Bus, type Outbox } from '@flotilla/bus-port';

/** The bus within one process. Values are encoded and decoded, so that nobody shares an object with the publisher. */
export function createInProcessBus(): Bus {
  const state = createBusState();
  const outboxes = new Set<Outbox>();
  return {
    // Asynchronous so that a failure is a rejection.
    publish: async (batch) => {
      const fresh = state.take(encodeBatch(batch));
      if (fresh) for (const outbox of outboxes) outbox.add(fresh);
    },
    async *subscribe(collections, signal) {
      const outbox = createOutbox(collections);
      outbox.add(state.whole());
      outboxes.add(outbox);
      try {
        yield* outbox.batches(signal);
      } finally {
        outboxes.delete(outbox);
      }
    },
    close: () => {
      for (const outbox of outboxes) outbox.close();
      return Promise.resolve();
    },
  };
}
