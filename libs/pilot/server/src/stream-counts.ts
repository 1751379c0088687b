import type { AdsLimits } from './limits.ts';

type Limits = Pick<AdsLimits, 'xdsStreams' | 'xdsStreamsPerIdentity' | 'xdsTotalNames' | 'xdsNamesPerIdentity'>;
export type StreamLimit = 'xds_streams' | 'xds_streams_per_identity';
export type NameLimit = 'xds_total_names' | 'xds_names_per_identity';

interface Counts {
  readonly streams: number;
  readonly names: number;
}
const none: Counts = { streams: 0, names: 0 };

/** How many streams are open, and how many names they keep, in all and of each client. */
export class StreamCounts {
  readonly #limits: Limits;
  readonly #byClient = new Map<string, Counts>();
  #total = none;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /**
   * Counts a stream in; returns the limit that it would exceed instead, if there is one. Each that is counted in is to
   * be counted out once.
   */
  enter(client: string): StreamLimit | undefined {
    const { streams } = this.#byClient.get(client) ?? none;
    if (streams >= this.#limits.xdsStreamsPerIdentity) return 'xds_streams_per_identity';
    if (this.#total.streams >= this.#limits.xdsStreams) return 'xds_streams';
    this.#add(client, { streams: 1, names: 0 });
    return undefined;
  }

  leave(client: string): void {
    this.#add(client, { streams: -1, names: 0 });
  }

  /**
   * A stream of a client keeps so many names more, or less. Returns the limit that is exceeded now, by more of them:
   * they are counted nevertheless, until the stream has let them go.
   */
  addNames(client: string, names: number): NameLimit | undefined {
    if (names === 0) return undefined;
    this.#add(client, { streams: 0, names });
    if (names < 0) return undefined;
    if ((this.#byClient.get(client) ?? none).names > this.#limits.xdsNamesPerIdentity) return 'xds_names_per_identity';
    return this.#total.names > this.#limits.xdsTotalNames ? 'xds_total_names' : undefined;
  }

  #add(client: string, more: Counts): void {
    const counts = sum(this.#byClient.get(client) ?? none, more);
    if (counts.streams === 0 && counts.names === 0) this.#byClient.delete(client);
    else this.#byClient.set(client, counts);
    this.#total = sum(this.#total, more);
  }
}

const sum = (a: Counts, b: Counts): Counts => ({ streams: a.streams + b.streams, names: a.names + b.names });
