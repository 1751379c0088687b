export interface FairSlotsOptions {
  /** The most work that runs at a time, in total and for one key. */
  readonly total: number;
  readonly perKey: number;
  /** The most work that waits, in total and for one key; more is refused. */
  readonly maxWaiting: number;
  readonly maxWaitingPerKey: number;
}

/** Limits how much work of many keys runs at a time, so that no key keeps others waiting. */
export interface FairSlots {
  /**
   * Runs the work as soon as there is a slot, and resolves with its result. Waiting keys take turns: each gets one slot
   * before any gets a second. Returns undefined when too much is waiting already.
   */
  run<T>(key: string, work: () => Promise<T>): Promise<T> | undefined;
}

export function createFairSlots({ total, perKey, maxWaiting, maxWaitingPerKey }: FairSlotsOptions): FairSlots {
  const running = new Map<string, number>();
  /** Waiting work by key; the key whose turn is next comes first. */
  const waiting = new Map<string, (() => void)[]>();
  let [runningCount, waitingCount] = [0, 0];

  const canRun = (key: string): boolean => runningCount < total && (running.get(key) ?? 0) < perKey;
  function count(key: string, more: number): void {
    runningCount += more;
    const left = (running.get(key) ?? 0) + more;
    if (left > 0) running.set(key, left);
    else running.delete(key);
  }

  function startNext(): void {
    for (const [key, queue] of waiting) {
      if (!canRun(key)) continue;
      const start = queue.shift();
      waitingCount -= 1;
      waiting.delete(key);
      if (queue.length > 0) waiting.set(key, queue);
      start?.();
      return;
    }
  }

  async function occupy<T>(key: string, work: () => Promise<T>): Promise<T> {
    count(key, 1);
    try {
      return await work();
    } finally {
      count(key, -1);
      startNext();
    }
  }

  return {
    run(key, work) {
      const queue = waiting.get(key) ?? [];
      if (queue.length === 0 && canRun(key)) return occupy(key, work);
      if (waitingCount >= maxWaiting || queue.length >= maxWaitingPerKey) return undefined;
      return new Promise((resolve, reject) => {
        queue.push(() => void occupy(key, work).then(resolve, reject));
        waiting.set(key, queue);
        waitingCount += 1;
      });
    },
  };
}
