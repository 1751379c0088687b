import type { Collection, ObjectKey, Resource } from '@flotilla/model';
import type { Attempt, Query, QueryKey, Reads, StoreKey } from '@flotilla/query';
import { labelsMatchBy, type Labels } from '@flotilla/rules';

/**
 * What queries may read of a proxy. Each attribute read is recorded: two proxies that agree on everything that a query
 * read share its result. Taken once from the node when its stream opens.
 */
export interface ProxyAttributes {
  readonly type: 'sidecar' | 'router';
  readonly id: string;
  /** Namespace of its node id. */
  readonly namespace: string;
  readonly ips: readonly string[];
  readonly supportsIPv4: boolean;
  readonly supportsIPv6: boolean;
  readonly dnsDomain: string;
  /**
   * As it sends them; once pilot knows it, those of its workload (workload.ts). Read single ones: whole, they differ
   * from node to node.
   */
  readonly labels: Readonly<Record<string, string>>;
  /** Envoy's node.cluster: its service as tracers call it. */
  readonly serviceCluster: string;
  readonly clusterId: string;
  readonly network: string;
  readonly serviceAccount: string;
  /** `major.minor.patch` as numbers; undefined when unknown (taken as newest). */
  readonly istioVersion?: readonly [number, number, number];
  readonly interceptionMode: 'REDIRECT' | 'TPROXY' | 'NONE';
  readonly dnsCapture: boolean;
  readonly dnsAutoAllocate: boolean;
  /**
   * Reduced from node.extensions: does this Envoy have Istio's own filters? True too when it lists no extensions at
   * all.
   */
  readonly istioExtensions: boolean;
  readonly locality: string;
  /** The rest of node.metadata (ISTIO_META_*), as given. */
  readonly metadata: Readonly<Record<string, unknown>>;
  /** SPIFFE identity that the stream proved, when it did. */
  readonly identity?: string;
  /** Whether the registries know its workload, as one that runs as the identity that it proved. */
  readonly isProven?: boolean;
  /** The labels that the registries know its workload by, without any that it sends itself. */
  readonly registeredLabels?: Readonly<Record<string, string>>;
}
export type AttributeName = keyof ProxyAttributes;

export type IndexName = string;

/** Everything a query can read; every read is tracked (libs/query). */
export interface View {
  get<C extends Collection>(collection: C, key: ObjectKey): Resource<C> | undefined;
  /** Keys of the resources that the index files under `key`, sorted. */
  index<C extends Collection>(collection: C, index: IndexName, key: StoreKey): readonly ObjectKey[];
  /** A value of a collection that the World itself makes (store.ts). */
  derived(collection: string, key: StoreKey): unknown;
  derivedIndex(collection: string, index: IndexName, key: StoreKey): readonly ObjectKey[];
  /** All keys of a collection, sorted. */
  list(collection: Collection): readonly ObjectKey[];
  /** Whether a collection has no values. */
  isEmpty(collection: Collection): boolean;
  /** A proxy's attribute; read the smallest that does. */
  attr<A extends AttributeName>(name: A): ProxyAttributes[A];
  label(name: string): string | undefined;
  /** One of `registeredLabels`. */
  registeredLabel(name: string): string | undefined;
  meta(name: string): unknown;
  /** The result of another query. */
  query<K extends QueryKey, R>(query: WorldQuery<K, R>, key: K): R;
  /** The same for those who go on without what fails. */
  attempt<K extends QueryKey, R>(query: WorldQuery<K, R>, key: K): Attempt<R>;
}
/** Whether the proxy has all labels of a selector. An empty one selects every proxy. */
export const isSelected = (view: View, selector: Labels | undefined): boolean =>
  labelsMatchBy(selector, (name) => view.label(name));

/** A tracked query over the World. */
export type WorldQuery<K extends QueryKey, R> = Query<K, R, Reads>;

/**
 * Defines a query; `run` is pure and reads nothing but its view. `equals` stops what comes out the same (default:
 * structural).
 */
export function worldQuery<R, K extends QueryKey = string>(
  name: string,
  run: (view: View, key: K) => R,
  options: { equals?: (a: R, b: R) => boolean } = {},
): WorldQuery<K, R> {
  return { name, run: (reads, key) => run(new WorldView(reads), key), ...options };
}

/** The World's face of what a query reads: one object for each run, so its methods are shared. */
class WorldView implements View {
  readonly #reads: Reads;

  constructor(reads: Reads) {
    this.#reads = reads;
  }

  get<C extends Collection>(collection: C, key: ObjectKey): Resource<C> | undefined {
    return this.#reads.get(collection, key) as Resource<C> | undefined;
  }

  index(collection: Collection, index: IndexName, key: StoreKey): readonly ObjectKey[] {
    return this.#reads.index(collection, index, key) as readonly ObjectKey[];
  }

  derived(collection: string, key: StoreKey): unknown {
    return this.#reads.get(collection, key);
  }

  derivedIndex(collection: string, index: IndexName, key: StoreKey): readonly ObjectKey[] {
    return this.#reads.index(collection, index, key) as readonly ObjectKey[];
  }

  list(collection: Collection): readonly ObjectKey[] {
    return this.#reads.list(collection) as readonly ObjectKey[];
  }

  isEmpty(collection: Collection): boolean {
    return this.#reads.isEmpty(collection);
  }

  attr<A extends AttributeName>(name: A): ProxyAttributes[A] {
    return this.#reads.attr(name) as ProxyAttributes[A];
  }

  label(name: string): string | undefined {
    return this.#reads.attr(`labels.${name}`) as string | undefined;
  }

  registeredLabel(name: string): string | undefined {
    return this.#reads.attr(`registeredLabels.${name}`) as string | undefined;
  }

  meta(name: string): unknown {
    return this.#reads.attr(`metadata.${name}`);
  }

  query<K extends QueryKey, R>(query: WorldQuery<K, R>, key: K): R {
    return this.#reads.query(query, key);
  }

  attempt<K extends QueryKey, R>(query: WorldQuery<K, R>, key: K): Attempt<R> {
    return this.#reads.attempt(query, key);
  }
}
