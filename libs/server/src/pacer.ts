/** Work that is done in steps. */
export interface Paced {
  /** Does one step; returns whether there are more. */
  step(): boolean;
}

/** How long steps may take before everything else in the process has its turn. */
const turnMs = 10;

export interface PacerOptions {
  /** Milliseconds. */
  readonly now?: () => number;
  /** Calls back in a later turn of the event loop. */
  readonly later?: (turn: () => void) => void;
}

/** Does the steps of many in turn, one step of each, and leaves room for everything else in the process. */
export function createPacer({
  now = () => performance.now(),
  later = (turn) => void setImmediate(turn),
}: PacerOptions = {}): (paced: Paced) => void {
  const waiting = new Set<Paced>();
  let isPlanned = false;
  const plan = (): void => {
    if (isPlanned) return;
    isPlanned = true;
    later(turn);
  };
  const turn = (): void => {
    isPlanned = false;
    const end = now() + turnMs;
    for (const paced of waiting) {
      waiting.delete(paced);
      // One that has more comes after all others.
      if (paced.step()) waiting.add(paced);
      if (now() >= end) break;
    }
    if (waiting.size > 0) plan();
  };
  return (paced) => {
    waiting.add(paced);
    plan();
  };
}
