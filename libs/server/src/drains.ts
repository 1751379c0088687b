/** Sends the clients of one port away, spread over `ms`; resolves when they have been. */
export type Drain = (ms: number) => Promise<void>;

/** The ports of a process that can send their clients away before it ends. */
export interface Drains {
  /** The returned function takes the port out again. */
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
