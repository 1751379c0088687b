/** Limits how much work runs at a time; the rest waits for its turn. */
export interface Slots {
  /** Runs the work as soon as there is a slot, and frees the slot when the work has ended. */
  run<T>(work: () => Promise<T>, options?: { readonly isLast?: boolean }): Promise<T>;
}

/** Slots are given in the order of arrival, to work with `isLast` after all other work. */
export function createSlots(count: number): Slots {
  let free = count;
  const [first, last]: [(() => void)[], (() => void)[]] = [[], []];
  const release = (): void => {
    const next = first.shift() ?? last.shift();
    if (next) next();
    else free += 1;
  };
  return {
    async run(work, { isLast = false } = {}) {
      if (free > 0) free -= 1;
      else await new Promise<void>((resolve) => void (isLast ? last : first).push(resolve));
      try {
        return await work();
      } finally {
        release();
      }
    },
  };
}
