/** A bounded number of things at a time; the others wait for their turn. */
export interface Slots {
  /** Runs the work when there is a slot, which is free again when the work has ended. */
  run<T>(work: () => Promise<T>, options?: { readonly isLast?: boolean }): Promise<T>;
}

/** Whoever waits gets a slot in the order of arrival, those with `isLast` after all others. */
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

/** Slots of many hosts; a host that nobody waits for takes no memory. */
export interface HostSlots {
  run<T>(host: string, options: { readonly isLast: boolean }, work: () => Promise<T>): Promise<T>;
}

export function createHostSlots(count: number): HostSlots {
  const hosts = new Map<string, { readonly slots: Slots; users: number }>();
  return {
    async run(host, options, work) {
      const known = hosts.get(host) ?? { slots: createSlots(count), users: 0 };
      hosts.set(host, known);
      known.users += 1;
      try {
        return await known.slots.run(work, options);
      } finally {
        known.users -= 1;
        if (known.users === 0) hosts.delete(host);
      }
    },
  };
}
