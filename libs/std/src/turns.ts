/** How long one thing may take before everything else has its turn. */
const turnMs = 20;

/** Resolves when everything else that is due has had its turn: timers, connections, health. */
export const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Runs all steps, and lets everything else have its turn whenever they take long. */
export async function inTurns(steps: Iterable<unknown>): Promise<void> {
  let end = performance.now() + turnMs;
  for (const _ of steps) {
    if (performance.now() < end) continue;
    await nextTurn();
    end = performance.now() + turnMs;
  }
}
