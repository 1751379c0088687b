import { TooLargeError, type Publisher } from '@flotilla/bus-port';
import { buildProblem, keyOf, type Batch, type Delete, type Problem, type Put } from '@flotilla/model';

/**
 * What leaves galley. A batch that the bus refuses waits for a later one with which it fits; what was published stays
 * in force meanwhile.
 */
export interface Outgoing {
  /**
   * Publishes a batch with everything that was refused before; with `isWhole` galley's state is whole now. Rejects when
   * `signal` aborts.
   */
  publish(batch: Batch, isWhole: boolean): Promise<void>;
  /** What has been published is a whole state. */
  readonly isComplete: boolean;
  /** Why the bus has less than galley; undefined when it has all. */
  readonly problem: Problem | undefined;
}
export interface OutgoingOptions {
  readonly publisher: Publisher;
  readonly signal: AbortSignal;
  /** Says that everything is there; it follows the first batch with which the state is whole. */
  readonly complete: () => Batch;
}

export function createOutgoing({ publisher, signal, complete }: OutgoingOptions): Outgoing {
  let refused: Batch | undefined;
  let problem: Problem | undefined;
  let isComplete = false;
  return {
    async publish(batch, isWhole) {
      const whole = refused ? mergeBatches(refused, batch) : batch;
      try {
        if (whole.put.length > 0 || whole.delete.length > 0) await publisher.publish(whole, signal);
      } catch (error) {
        if (!(error instanceof TooLargeError)) throw error;
        refused = whole;
        problem = buildProblem('StateTooLarge', { detail: error.message });
        return;
      }
      [refused, problem] = [undefined, undefined];
      if (isComplete || !isWhole) return;
      await publisher.publish(complete(), signal);
      isComplete = true;
    },
    get isComplete() {
      return isComplete;
    },
    get problem() {
      return problem;
    },
  };
}

/** Both as one: of two changes of a resource the later is left. */
function mergeBatches(earlier: Batch, later: Batch): Batch {
  const changes = new Map<string, { readonly put: Put } | { readonly gone: Delete }>();
  for (const { put, delete: gone } of [earlier, later]) {
    for (const one of put) changes.set(`${one.resource.collection} ${keyOf(one.resource.meta)}`, { put: one });
    for (const one of gone) changes.set(`${one.collection} ${one.key}`, { gone: one });
  }
  const all = [...changes.values()];
  const [put, gone] = [
    all.flatMap((one) => ('put' in one ? [one.put] : [])),
    all.flatMap((one) => ('gone' in one ? [one.gone] : [])),
  ];
  return { ...later, put, delete: gone, complete: [...new Set([...earlier.complete, ...later.complete])] };
}
