import {
  checkFormat,
  createBusState,
  createMirror,
  createOutbox,
  encodeBatch,
  FormatError,
  type Bus,
  type EncodedBatch,
  type Outbox,
  type TakeReport,
} from '@flotilla/bus-port';
import type { Collection } from '@flotilla/model';

export interface InProcessBusOptions {
  /** Called with why a reader does not get what is published. */
  readonly onProblem?: (message: string) => void;
}
interface Reader {
  readonly outbox: Outbox;
  give(change: EncodedBatch): void;
}

/** The bus within one process. Values are encoded and decoded, so that nobody shares an object with the publisher. */
export function createInProcessBus({ onProblem = () => {} }: InProcessBusOptions = {}): Bus {
  const state = createBusState();
  const readers = new Set<Reader>();
  let takeReport: TakeReport | undefined;

  function createReader(collections: readonly Collection[]): Reader {
    const outbox = createOutbox(collections);
    // The state holds the texts already.
    const mirror = createMirror(collections, { remember: (text) => text });
    let isBehind = true;
    return {
      outbox,
      give(change) {
        const [batch, whole] = isBehind ? [state.whole(), true] : [change, false];
        isBehind = true;
        try {
          checkFormat(batch.writer.format);
        } catch (error) {
          if (error instanceof FormatError) return onProblem(error.message);
          throw error;
        }
        const fresh = mirror.apply(batch, { whole });
        if (fresh) outbox.add(fresh);
        isBehind = false;
      },
    };
  }

  return {
    // Asynchronous so that a failure is a rejection.
    publish: async (batch) => {
      const fresh = state.take(encodeBatch(batch));
      if (fresh) for (const reader of readers) reader.give(fresh);
    },
    async *subscribe(collections, signal) {
      const reader = createReader(collections);
      reader.give(state.whole());
      readers.add(reader);
      try {
        yield* reader.outbox.batches(signal);
      } finally {
        readers.delete(reader);
      }
    },
    // Asynchronous so that a failure is a rejection.
    report: async (message) => {
      const answer = takeReport?.(message, 'pilot');
      if (!answer) throw new Error('galley does not take this report');
      return answer;
    },
    onReport: (take) => {
      takeReport = take;
    },
    close: () => {
      for (const { outbox } of readers) outbox.close();
      return Promise.resolve();
    },
  };
}
