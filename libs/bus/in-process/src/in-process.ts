import { createBusState, createOutbox, encodeBatch, isEmpty, type Bus, type Outbox } from '@flotilla/bus-port';

/** The bus within one process. Values are encoded and decoded, so that nobody shares an object with the publisher. */
export function createInProcessBus(): Bus {
  const state = createBusState();
  const outboxes = new Set<Outbox>();
  return {
    publish: (batch) => {
      const fresh = state.take(encodeBatch(batch));
      if (!isEmpty(fresh)) for (const outbox of outboxes) outbox.add(fresh);
      return Promise.resolve();
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
