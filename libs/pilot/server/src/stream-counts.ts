import type { AdsLimits } from './limits.ts';

type Limits = Pick<AdsLimits, 'xdsStreams' | 'xdsStreamsPerIdentity'>;
export type StreamLimit = 'xds_streams' | 'xds_streams_per_identity';

/** How many streams are open, in all and of each client. */
export class StreamCounts {
  readonly #limits: Limits;
  readonly #byClient = new Map<string, number>();
  #total = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /**
   * Counts a stream in; returns the limit that it would exceed instead, if there is one. Each that is counted in is to
   * be counted out once.
   */
  enter(client: string): StreamLimit | undefined {
    const count = this.#byClient.get(client) ?? 0;
    if (count >= this.#limits.xdsStreamsPerIdentity) return 'xds_streams_per_identity';
    if (this.#total >= this.#limits.xdsStreams) return 'xds_streams';
    this.#byClient.set(client, count + 1);
    this.#total += 1;
    return undefined;
  }

  leave(client: string): void {
    const count = this.#byClient.get(client) ?? 0;
    if (count > 1) this.#byClient.set(client, count - 1);
    else this.#byClient.delete(client);
    this.#total -= 1;
  }
}
