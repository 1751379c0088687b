import type { AdsLimits } from './limits.ts';

type Limits = Pick<
  AdsLimits,
  | 'xdsStreams'
  | 'xdsStreamsPerIdentity'
  | 'xdsTotalNames'
  | 'xdsNamesPerIdentity'
  | 'xdsTotalQueuedBytes'
  | 'xdsQueuedBytesPerIdentity'
  | 'xdsTotalNodeBytes'
  | 'xdsNodeBytesPerIdentity'
  | 'xdsUnknownNamesPerIdentity'
  | 'xdsWatchedUnknownNamesPerIdentity'
>;
export type StreamLimit = 'xds_streams' | 'xds_streams_per_identity';
/** What streams keep in memory of their clients' requests. */
export const kinds = ['names', 'unknownNames', 'watchedUnknownNames', 'queuedBytes', 'nodeBytes'] as const;
export type Kept = (typeof kinds)[number];
export type KeptLimit =
  | 'xds_total_names'
  | 'xds_names_per_identity'
  | 'xds_unknown_names_per_identity'
  | 'xds_total_queued_bytes'
  | 'xds_queued_bytes_per_identity'
  | 'xds_total_node_bytes'
  | 'xds_node_bytes_per_identity';

type Counts = Readonly<Record<'streams' | Kept, number>>;
const none: Counts = { streams: 0, names: 0, unknownNames: 0, watchedUnknownNames: 0, queuedBytes: 0, nodeBytes: 0 };

/** How many streams are open, and how much they keep in memory, in total and per client. */
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
    this.#add(client, { ...none, streams: 1 });
    return undefined;
  }

  leave(client: string): void {
    this.#add(client, { ...none, streams: -1 });
  }

  /**
   * Adds to what a client's streams keep, or subtracts from it. Returns the limit that an addition exceeds; the
   * addition is counted nevertheless, until the stream lets go of it.
   */
  keep(client: string, kept: Kept, more: number): KeptLimit | undefined {
    if (more === 0) return undefined;
    this.#add(client, { ...none, [kept]: more });
    if (more < 0) return undefined;
    const ofClient = (this.#byClient.get(client) ?? none)[kept];
    const { xdsNamesPerIdentity, xdsTotalNames, xdsNodeBytesPerIdentity, xdsTotalNodeBytes } = this.#limits;
    const { xdsQueuedBytesPerIdentity, xdsTotalQueuedBytes } = this.#limits;
    switch (kept) {
      case 'names':
        if (ofClient > xdsNamesPerIdentity) return 'xds_names_per_identity';
        return this.#total.names > xdsTotalNames ? 'xds_total_names' : undefined;
      case 'unknownNames':
        return ofClient > this.#limits.xdsUnknownNamesPerIdentity ? 'xds_unknown_names_per_identity' : undefined;
      case 'watchedUnknownNames':
        // Whoever watches more is not refused: `mayWatchUnknown` says when to stop.
        return undefined;
      case 'queuedBytes':
        if (ofClient > xdsQueuedBytesPerIdentity) return 'xds_queued_bytes_per_identity';
        return this.#total.queuedBytes > xdsTotalQueuedBytes ? 'xds_total_queued_bytes' : undefined;
      case 'nodeBytes':
        if (ofClient > xdsNodeBytesPerIdentity) return 'xds_node_bytes_per_identity';
        return this.#total.nodeBytes > xdsTotalNodeBytes ? 'xds_total_node_bytes' : undefined;
    }
  }

  /** Whether a client's streams may watch one more name that is not known. */
  mayWatchUnknown(client: string): boolean {
    const { watchedUnknownNames } = this.#byClient.get(client) ?? none;
    return watchedUnknownNames < this.#limits.xdsWatchedUnknownNamesPerIdentity;
  }

  #add(client: string, more: Counts): void {
    const counts = sum(this.#byClient.get(client) ?? none, more);
    if (Object.values(counts).every((count) => count === 0)) this.#byClient.delete(client);
    else this.#byClient.set(client, counts);
    this.#total = sum(this.#total, more);
  }
}

const sum = (a: Counts, b: Counts): Counts => ({
  streams: a.streams + b.streams,
  names: a.names + b.names,
  unknownNames: a.unknownNames + b.unknownNames,
  watchedUnknownNames: a.watchedUnknownNames + b.watchedUnknownNames,
  queuedBytes: a.queuedBytes + b.queuedBytes,
  nodeBytes: a.nodeBytes + b.nodeBytes,
});
