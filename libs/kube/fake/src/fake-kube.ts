import {
  describeResource,
  KubeError,
  type KubeApi,
  type KubeObject,
  type KubeResource,
  type NewObject,
  type ServedKind,
  type Selection,
  type WatchEvent,
} from '@flotilla/kube-port';
import { AsyncQueue } from '@flotilla/std';
import { given, matches } from './selectors.ts';
import { ObjectStore, type StoredChange } from './store.ts';

interface Watcher {
  readonly resource: KubeResource;
  readonly selection: Selection;
  readonly queue: AsyncQueue<readonly WatchEvent[]>;
}

/** Returns the status that the API server gives a review when it is created; throws KubeError to refuse. */
export type Reviewer = (review: NewObject) => object;

/** A cluster in memory, behind the same port as a real API server, whose failures tests control. */
export class FakeKube implements KubeApi {
  readonly #store = new ObjectStore((change) => this.#report(change));
  readonly #watchers = new Set<Watcher>();
  readonly #absent = new Set<string>();
  /** The kinds that have been added by name; objects of any other kind can be stored too. */
  readonly #kinds = new Map<string, ServedKind>();
  readonly #forbidden = new Set<string>();
  readonly #reviewers = new Map<string, Reviewer>();
  #isReachable = true;

  /** Decides reviews of a kind, such as TokenReviews. */
  review(resource: KubeResource, reviewer: Reviewer): void {
    this.#reviewers.set(describeResource(resource), reviewer);
  }

  /** Makes the API server unreachable. */
  cut(): void {
    this.#isReachable = false;
    for (const { queue } of this.#watchers) queue.push([{ type: 'away', since: 0, reason: 'connection refused' }]);
  }

  /** Makes the API server reachable again, with the same objects. */
  restore(): void {
    this.#isReachable = true;
    for (const watcher of this.#watchers) watcher.queue.push([{ type: 'back' }, ...this.#whole(watcher)]);
  }

  /** Removes a kind and its objects, as when its CRD is deleted. */
  withdraw(resource: KubeResource): void {
    this.#store.deleteAll(resource);
    this.#absent.add(describeResource(resource));
    this.#startAgain(resource);
  }

  /** Adds a kind that was withdrawn, without objects, or one that is to be discovered. */
  serve(kind: ServedKind): void {
    const { group, versions, plural, kind: name, clusterScoped = false } = kind;
    this.#kinds.set(describeResource(kind), { group, versions, plural, kind: name, clusterScoped });
    this.#absent.delete(describeResource(kind));
    this.#startAgain(kind);
  }

  /** Makes RBAC refuse access to a kind. */
  revoke(resource: KubeResource): void {
    this.#forbidden.add(describeResource(resource));
    for (const watcher of this.#watchersOf(resource))
      watcher.queue.push([{ type: 'away', since: 0, reason: forbidden(resource).message }]);
  }

  /** Takes back `revoke`. */
  grant(resource: KubeResource): void {
    this.#forbidden.delete(describeResource(resource));
    for (const watcher of this.#watchersOf(resource)) watcher.queue.push([{ type: 'back' }, ...this.#whole(watcher)]);
  }

  async *watch(
    resource: KubeResource,
    selection: Selection,
    signal: AbortSignal,
  ): AsyncIterable<readonly WatchEvent[]> {
    const queue = new AsyncQueue<readonly WatchEvent[]>();
    const watcher: Watcher = { resource, selection, queue };
    const stop = (): void => queue.close();
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    this.#watchers.add(watcher);
    try {
      const refusal = this.#refusalOf(resource);
      queue.push(refusal ? [{ type: 'away', since: 0, reason: refusal.message }] : this.#whole(watcher));
      yield* queue;
    } finally {
      this.#watchers.delete(watcher);
      signal.removeEventListener('abort', stop);
    }
  }

  /** The same cluster as seen by another client, which always reaches the API server and may do everything. */
  readonly others: Omit<KubeApi, 'watch'> = {
    discover: async (isWanted) => this.#served(isWanted),
    get: async (resource, name) => this.#store.get(resource, name),
    create: async (resource, object) => this.#store.create(resource, object),
    replace: async (resource, object) => this.#store.replace(resource, object),
    patch: async (resource, name, patch) => this.#store.patch(resource, name, patch),
    delete: async (resource, name, precondition) => this.#store.delete(resource, name, precondition),
  };

  discover: KubeApi['discover'] = async (isWanted) => {
    if (!this.#isReachable) throw unreachable();
    return this.#served(isWanted);
  };

  get: KubeApi['get'] = async (resource, name) => {
    if (this.#absent.has(describeResource(resource))) return undefined;
    return this.#for(resource).get(resource, name);
  };

  create: KubeApi['create'] = async (resource, object) => {
    const store = this.#for(resource);
    const reviewer = this.#reviewers.get(describeResource(resource));
    return reviewer
      ? ({ ...object, metadata: { name: '', ...object.metadata }, status: reviewer(object) } as KubeObject)
      : store.create(resource, object);
  };

  replace: KubeApi['replace'] = async (resource, object) => this.#for(resource).replace(resource, object);

  patch: KubeApi['patch'] = async (resource, name, patch) => this.#for(resource).patch(resource, name, patch);

  delete: KubeApi['delete'] = async (resource, name, precondition) =>
    this.#for(resource).delete(resource, name, precondition);

  #served(isWanted: (group: string) => boolean): readonly ServedKind[] {
    return [...this.#kinds.values()].filter(
      (kind) => isWanted(kind.group) && !this.#absent.has(describeResource(kind)),
    );
  }

  /** The store, unless the API server would refuse. */
  #for(resource: KubeResource): ObjectStore {
    const refusal = this.#refusalOf(resource);
    if (refusal) throw refusal;
    if (this.#absent.has(describeResource(resource)))
      throw new KubeError('the server could not find the requested resource', { status: 404, reason: 'NotFound' });
    return this.#store;
  }

  #refusalOf(resource: KubeResource): KubeError | undefined {
    if (!this.#isReachable) return unreachable();
    return this.#forbidden.has(describeResource(resource)) ? forbidden(resource) : undefined;
  }

  #whole({ resource, selection }: Watcher): readonly WatchEvent[] {
    const served = !this.#absent.has(describeResource(resource));
    const objects = this.#store.list(resource).filter((object) => matches(object, selection));
    return [
      { type: 'listing' },
      ...objects.map((object) => ({ type: 'found', object: given(object, selection) }) as const),
      { type: 'synced', served },
    ];
  }

  #startAgain(resource: KubeResource): void {
    for (const watcher of this.#watchersOf(resource)) watcher.queue.push(this.#whole(watcher));
  }

  #watchersOf(resource: KubeResource): readonly Watcher[] {
    return [...this.#watchers].filter((watcher) => describeResource(watcher.resource) === describeResource(resource));
  }

  #report({ type, resource, object, previous }: StoredChange): void {
    if (this.#refusalOf(resource)) return;
    for (const { selection, queue } of this.#watchersOf(resource))
      if (type === 'found' && matches(object, selection)) queue.push([{ type, object: given(object, selection) }]);
      // An object that is no longer selected is gone for this watch.
      else if (previous && matches(previous, selection))
        queue.push([{ type: 'gone', object: given(object, selection) }]);
  }
}

const unreachable = (): KubeError => new KubeError('connection refused');
const forbidden = (resource: KubeResource): KubeError =>
  new KubeError(`${describeResource(resource)} is forbidden: cannot list resource "${resource.plural}"`, {
    status: 403,
    reason: 'Forbidden',
  });
