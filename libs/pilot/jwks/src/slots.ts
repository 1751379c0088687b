import { createSlots, type Slots } from '@flotilla/std';

/** Slots for each of many hosts; a host without work takes no memory. */
export interface HostSlots {
  run<T>(host: string, options: { readonly isLast: boolean }, work: () => Promise<T>): Promise<T>;
}

/** `count` slots for each host. */
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
