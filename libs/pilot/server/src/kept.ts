import { flagOf } from './limits.ts';
import { kinds, type Kept, type KeptLimit, type StreamCounts } from './stream-counts.ts';

const wordsOf: Readonly<Record<Kept, string>> = {
  names: 'names',
  unknownNames: 'unknown names',
  watchedUnknownNames: 'unknown names that are watched',
  queuedBytes: 'bytes of requests that wait',
  nodeBytes: 'bytes of nodes',
};
const isTotal = (limit: KeptLimit): boolean => limit.startsWith('xds_total_');

/** A limit that all streams of a client, or of all clients, exceed together. */
export interface Exceeded {
  readonly limit: KeptLimit;
  readonly message: string;
}

/** How much one stream keeps in memory, as it is counted for its client. */
export class KeptByStream {
  readonly #counts: Pick<StreamCounts, 'keep'>;
  readonly #client: string;
  readonly #kept: Record<Kept, number> = {
    names: 0,
    unknownNames: 0,
    watchedUnknownNames: 0,
    queuedBytes: 0,
    nodeBytes: 0,
  };

  constructor(counts: Pick<StreamCounts, 'keep'>, client: string) {
    this.#counts = counts;
    this.#client = client;
  }

  /** Sets how much of one kind it keeps; returns the limit that this exceeds. */
  set(kind: Kept, count: number): Exceeded | undefined {
    const limit = this.#counts.keep(this.#client, kind, count - this.#kept[kind]);
    this.#kept[kind] = count;
    if (!limit) return undefined;
    const whose = isTotal(limit) ? 'of this pilot' : `of ${this.#client}`;
    return {
      limit,
      message: `too many ${wordsOf[kind]} on all streams ${whose}: ask for less, or raise pilot's ${flagOf(limit)}`,
    };
  }

  /** It keeps nothing any more. */
  release(): void {
    for (const kind of kinds) this.set(kind, 0);
  }
}
