import type { Effect, Resource, Source } from '@flotilla/ads';
import {
  isWhole,
  listKey,
  listOfOne,
  listsOf,
  preparedLists,
  readOne,
  resourceKey,
  typeUrls,
  type ResourceKey,
  type WholeKind,
  type XdsKind,
} from '@flotilla/pilot-xds';
import type { Engine, Subject } from '@flotilla/query';
import { piece } from './pieces.ts';
import { PreparedNames } from './prepared-names.ts';
import { kindOfType } from './protocol.ts';
import type { Holder, SharedList } from './shared-list.ts';
import type { SharedLists } from './shared-lists.ts';
import { UnknownNames } from './unknown-names.ts';

type Subscribed = Extract<Effect, { kind: 'subscribed' }>;
type Sent = Extract<Effect, { kind: 'send' }>;

export interface InterestsContext {
  readonly engine: Engine;
  readonly lists: SharedLists;
  /** How many names that there is nothing by are watched for one proxy. */
  readonly maxUnknownNames: number;
  /** Some name is not watched because of that. */
  onUnwatched(): void;
  /** The proxy has let go of a result, which may be held by nobody now. */
  onDropped(): void;
}

/**
 * What one proxy has requested, as the lists that answer it. Types that are taken whole are several lists, of any other
 * each name is one.
 */
export class Interests implements Source {
  readonly #context: InterestsContext;
  readonly #holder: Holder;
  readonly #isSidecar: boolean;
  readonly #whole = new Map<WholeKind, readonly SharedList[]>();
  readonly #named = new Map<ResourceKey, SharedList>();
  /** Types that have been requested. */
  readonly #requested = new Set<XdsKind>();
  readonly #unknown: UnknownNames;
  readonly #prepared: PreparedNames;

  constructor(context: InterestsContext, holder: Holder, isSidecar: boolean) {
    this.#context = context;
    this.#holder = holder;
    this.#isSidecar = isSidecar;
    this.#unknown = new UnknownNames(context.maxUnknownNames);
    this.#prepared = new PreparedNames(context.engine);
  }

  /**
   * Does a piece of what an answer of this type takes; if it is requested by names, for these. Returns whether it is
   * complete.
   */
  prepare(typeUrl: string, names: readonly string[]): boolean {
    const kind = kindOfType(typeUrl);
    if (!kind) return true;
    const { engine, lists } = this.#context;
    const { subject } = this.#holder;
    if (!isWhole(kind)) {
      const keys = names.map((name) => resourceKey({ kind, name }));
      return this.#prepared.prepare(
        keys.filter((key) => !this.#named.has(key) && !lists.find(key, subject)),
        subject,
      );
    }
    if (this.#whole.has(kind)) return true;
    const areKnown = listsOf(kind).every((source) => lists.find(source, subject));
    return areKnown || engine.prepare(preparedLists, listKey({ kind }), { subject, ...piece() });
  }

  /** Does a piece of what all that is requested takes for another subject. Returns whether it is complete. */
  prepareFor(subject: Subject): boolean {
    const budget = piece();
    const isPrepared = (kind: WholeKind): boolean =>
      this.#context.engine.prepare(preparedLists, listKey({ kind }), { subject, ...budget });
    return [...this.#whole.keys()].every(isPrepared) && this.#prepared.prepare(this.#named.keys(), subject);
  }

  all(typeUrl: string): readonly Resource[] {
    const kind = kindOfType(typeUrl);
    if (!kind || !isWhole(kind)) return [];
    const [first, ...others] = this.#join(kind);
    return others.length === 0 ? (first?.resources ?? []) : [first, ...others].flatMap((list) => list?.resources ?? []);
  }

  /** Of one name in several lists the last one's, as a client takes it that gets all. */
  get(typeUrl: string, name: string): ReturnType<Source['get']> {
    const kind = kindOfType(typeUrl);
    if (!kind) return undefined;
    if (isWhole(kind)) {
      const list = this.#join(kind).findLast((each) => each.get(name));
      return list?.get(name);
    }
    const key = resourceKey({ kind, name });
    const list = this.#named.get(key) ?? this.#context.lists.find(key, this.#holder.subject);
    if (list) return list.get(name) ?? (list.isIncomplete ? 'unavailable' : undefined);
    try {
      return readOne(this.#context.engine, key, this.#holder.subject);
    } catch {
      // Whoever goes on to watch the name hears why.
      return 'unavailable';
    }
  }

  get requested(): Iterable<XdsKind> {
    return this.#requested;
  }

  namesOf(kind: XdsKind): readonly string[] {
    return [...this.#named.keys()].flatMap((key) => (key.kind === kind ? key.name : []));
  }

  /** What is requested is watched, what no longer is is let go. */
  follow({ typeUrl, added, dropped, wildcard, size }: Subscribed): void {
    const kind = kindOfType(typeUrl);
    if (!kind) return;
    this.#requested.add(kind);
    if (isWhole(kind)) {
      if (wildcard || size > 0) this.#join(kind);
      else this.#leave(kind);
      return;
    }
    for (const name of added) this.#watchNamed(resourceKey({ kind, name }));
    for (const name of dropped) this.#drop(resourceKey({ kind, name }));
    this.#prepared.release();
  }

  /** What was sent may be of names that were not known when they were requested. */
  becomeKnown({ typeUrl, resources }: Sent): void {
    const kind = kindOfType(typeUrl);
    if (!kind || isWhole(kind) || this.#unknown.size === 0) return;
    for (const { name } of resources) {
      const key = resourceKey({ kind, name });
      if (!this.#isKnown(key)) continue;
      const isWatched = this.#named.has(key);
      this.#unknown.remove(key, isWatched);
      if (!isWatched) this.#watch(key);
    }
  }

  /**
   * What was sent without the names that are not watched: they concern no object that galley reports on, and what
   * waits for an acknowledgement must not keep what nobody else does.
   */
  watchedOf(sent: Sent): Sent {
    const kind = kindOfType(sent.typeUrl);
    if (!kind || isWhole(kind) || this.#unknown.areAllWatched) return sent;
    return { ...sent, resources: sent.resources.filter(({ name }) => this.#named.has(resourceKey({ kind, name }))) };
  }

  /** The proxy's subject is another one now. */
  move(): void {
    const { lists } = this.#context;
    const moved = (list: SharedList): SharedList => lists.move(list, this.#holder);
    for (const [kind, all] of this.#whole) this.#whole.set(kind, all.map(moved));
    for (const [key, list] of this.#named) this.#named.set(key, moved(list));
    this.#prepared.release();
    this.#context.onDropped();
  }

  onMoved(from: SharedList, now: SharedList): void {
    if (isWhole(from.kind)) {
      const all = this.#whole.get(from.kind) ?? [];
      this.#whole.set(
        from.kind,
        all.map((list) => (list === from ? now : list)),
      );
      return;
    }
    for (const [key, list] of this.#named) if (list === from) this.#named.set(key, now);
  }

  close(): void {
    for (const kind of this.#whole.keys()) this.#leave(kind);
    for (const key of this.#named.keys()) this.#drop(key);
    this.#prepared.release();
  }

  #join(kind: WholeKind): readonly SharedList[] {
    const known = this.#whole.get(kind);
    if (known) return known;
    const joined = listsOf(kind).map((source) => this.#context.lists.join({ id: source, source, kind }, this.#holder));
    this.#whole.set(kind, joined);
    return joined;
  }

  #leave(kind: WholeKind): void {
    for (const list of this.#whole.get(kind) ?? []) this.#context.lists.leave(list, this.#holder);
    this.#whole.delete(kind);
    this.#context.onDropped();
  }

  #watch(key: ResourceKey): void {
    if (this.#named.has(key)) return;
    const asked = { id: key, source: listOfOne(key), kind: key.kind };
    this.#named.set(key, this.#context.lists.join(asked, this.#holder));
  }

  #drop(key: ResourceKey): void {
    const list = this.#named.get(key);
    this.#unknown.remove(key, list !== undefined);
    if (!list) return;
    this.#context.lists.leave(list, this.#holder);
    this.#named.delete(key);
    this.#context.onDropped();
  }

  /**
   * Names can be made up, of a subset for example, and each costs as much as a real one; so only some of the unknown
   * ones are watched. Another one is once something else brings it, as a new cluster brings its endpoints.
   */
  #watchNamed(key: ResourceKey): void {
    if (this.#isKnown(key)) return this.#watch(key);
    const { isWatched, isFirst } = this.#unknown.add(key);
    if (isWatched) return this.#watch(key);
    if (isFirst) this.#context.onUnwatched();
    this.#context.onDropped();
  }

  /**
   * Endpoints, and a sidecar's routes for one host, are known by the proxy's clusters: there is an answer to any name.
   */
  #isKnown({ kind, name }: ResourceKey): boolean {
    const colon = kind === 'rds' && this.#isSidecar ? name.lastIndexOf(':') : -1;
    const cluster =
      kind === 'eds' ? name : colon < 0 ? undefined : `outbound|${name.slice(colon + 1)}||${name.slice(0, colon)}`;
    if (cluster === undefined) return this.get(typeUrls[kind], name) !== undefined;
    return this.#whole.get('cds')?.some((list) => list.get(cluster)) ?? false;
  }
}
