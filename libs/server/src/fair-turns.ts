interface Waiting {
  readonly size: number;
  readonly letIn: () => void;
}

/**
 * Lets those who wait in one by one, each in a turn of the event loop of its own, so that everything else in the
 * process has its turn in between. The one that has waited longest and the smallest come in alternately: a small one
 * is not held up by many that are large, and a large one waits at most twice as long as in a plain queue.
 *
 * `later` calls back in a later turn of the event loop.
 */
export function createFairTurns(
  later: (turn: () => void) => void = (turn) => void setImmediate(turn),
): (size: number) => Promise<void> {
  const waiting = new Set<Waiting>();
  let isOldestNext = true;
  const letOneIn = (): void => {
    const [oldest] = waiting;
    const chosen = isOldestNext ? oldest : smallestOf(waiting);
    isOldestNext = !isOldestNext;
    if (!chosen) return;
    waiting.delete(chosen);
    chosen.letIn();
    if (waiting.size > 0) later(letOneIn);
  };
  return (size) =>
    new Promise<void>((letIn) => {
      waiting.add({ size, letIn });
      if (waiting.size === 1) later(letOneIn);
    });
}

/** Among equals, the one that has waited longest. */
function smallestOf(waiting: Iterable<Waiting>): Waiting | undefined {
  let smallest: Waiting | undefined;
  for (const one of waiting) if (!smallest || one.size < smallest.size) smallest = one;
  return smallest;
}
