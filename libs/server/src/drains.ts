/** Disconnects the clients of one port, spread over `ms`; resolves when that is done. */
export type Drain = (ms: number) => Promise<void>;

/** The ports of a process that can disconnect their clients gradually before it ends. */
export interface Drains {
  /** The returned function removes the port. */
  add(drain: Drain): () => void;
  /** Drains all ports at the same time. */
  run(ms: number): Promise<void>;
}

export function createDrains(): Drains {
  const drains = new Set<Drain>();
  return {
    add(drain) {
      drains.add(drain);
      return () => void drains.delete(drain);
    },
    run: async (ms) => void (await Promise.all([...drains].map((drain) => drain(ms)))),
  };
}
