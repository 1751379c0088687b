import type { Effect, Resource, Source } from '@flotilla/ads';
import {
  isWhole,
  listKey,
  listsOf,
  preparedLists,
  readOne,
  resourceKey,
  typeUrls,
  type WholeKind,
  type XdsKind,
} from '@flotilla/pilot-xds';
import type { Engine, Subject } from '@flotilla/query';
import { piece } from './pieces.ts';
import { PreparedNames } from './prepared-names.ts';
import { kindOfType } from './protocol.ts';
import type { Holder, SharedList } from './shared-list.ts';
import type { SharedLists } from './shared-lists.ts';
import { clusterOfName, UnknownNames } from './unknown-names.ts';

type Subscribed = Extract<Effect, { kind: 'subscribed' }>;
type Sent = Extract<Effect, { kind: 'send' }>;

export interface InterestsContext {
  readonly engine: Engine;
  readonly lists: SharedLists;
  /** How many names that there is nothing by are watched for one proxy. */
  readonly maxUnknownNames: number;
  /** Whether one more may be watched for all proxies of its identity. */
  readonly mayWatchUnknown: () => boolean;
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
  /** By type, then by the name of the resource. */
  readonly #named = new Map<XdsKind, Map<string, SharedList>>();
  /** Types that have been requested. */
  readonly #requested = new Set<XdsKind>();
  readonly #unknown: UnknownNames;
  readonly #prepared: PreparedNames;

  constructor(context: InterestsContext, holder: Holder, isSidecar: boolean) {
    this.#context = context;
    this.#holder = holder;
    this.#isSidecar = isSidecar;
    this.#unknown = new UnknownNames(context.maxUnknownNames, context.mayWatchUnknown);
    this.#prepared = new PreparedNames(context.engine);
  }

  /**
   * Computes a piece of an answer of this type, for these names if it is requested by name. Returns whether it is
   * done.
   */
  prepare(typeUrl: string, names: readonly string[]): boolean {
    const kind = kindOfType(typeUrl);
    if (!kind) return true;
    if (isWhole(kind) ? this.#whole.has(kind) : names.length === 0) return true;
    const { engine, lists } = this.#context;
    const { subject } = this.#holder;
    const budget = piece();
    if (!isWhole(kind))
      return this.#prepared.prepare({ kind, names: this.#newNames(kind, names) }, { subject, ...budget });
    // Of the lists that this proxy shares with no other, as those of its own ports: the others are there.
    return listsOf(kind).every(
      (source, place) =>
        lists.find({ kind, source }, subject) !== undefined ||
        engine.prepare(preparedLists, listKey({ kind, place }), { subject, ...budget }),
    );
  }

  /** Computes a piece of everything that is requested, for another subject. Returns whether it is done. */
  prepareFor(subject: Subject): boolean {
    const { engine } = this.#context;
    const part = { subject, ...piece() };
    return (
      [...this.#whole.keys()].every((kind) => engine.prepare(preparedLists, listKey({ kind }), part)) &&
      [...this.#named].every(([kind, byName]) => this.#prepared.prepare({ kind, names: byName.keys() }, part))
    );
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
    const { engine, lists } = this.#context;
    const { subject } = this.#holder;
    const list = this.#named.get(kind)?.get(name) ?? lists.find({ kind, name }, subject);
    if (list) return list.get(name) ?? (list.isIncomplete ? 'unavailable' : undefined);
    try {
      return readOne(engine, { kind, name }, subject);
    } catch {
      // Whoever goes on to watch the name hears why.
      return 'unavailable';
    }
  }

  /** Names that are neither known nor watched. */
  get unwatched(): number {
    return this.#unknown.unwatched;
  }

  /** Names that are not known, but watched. */
  get watchedUnknown(): number {
    return this.#unknown.watched;
  }

  /**
   * How many of these names, which have not been requested yet, are not known: of the types for which the proxy's
   * clusters tell.
   */
  countUnknown(typeUrl: string, names: Iterable<string>): number {
    const kind = kindOfType(typeUrl);
    let count = 0;
    if (kind && !isWhole(kind))
      for (const name of names) {
        const cluster = clusterOfName(kind, name, this.#isSidecar);
        if (cluster !== undefined && !this.#hasCluster(cluster)) count += 1;
      }
    return count;
  }

  get requested(): Iterable<XdsKind> {
    return this.#requested;
  }

  /** All resources of a type that are requested and watched. */
  held(kind: XdsKind): readonly Resource[] {
    if (!this.#requested.has(kind)) return [];
    if (isWhole(kind)) return this.all(typeUrls[kind]);
    return [...(this.#named.get(kind) ?? [])].flatMap(([name, list]) => list.get(name) ?? []);
  }

  /** Whether a resource of a type that is requested by name is requested, and watched. */
  isRequested(kind: XdsKind, name: string): boolean {
    return this.#named.get(kind)?.has(name) ?? false;
  }

  namesOf(kind: XdsKind): readonly string[] {
    return [...(this.#named.get(kind)?.keys() ?? [])];
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
    for (const name of added) this.#watchNamed(kind, name);
    for (const name of dropped) this.#drop(kind, name);
    this.#prepared.release();
  }

  /** What was sent may be of names that were not known when they were requested. */
  becomeKnown({ typeUrl, resources }: Sent): void {
    const kind = kindOfType(typeUrl);
    if (!kind || isWhole(kind) || this.#unknown.size === 0) return;
    for (const { name } of resources) {
      if (!this.#isKnown(kind, name)) continue;
      const isWatched = this.isRequested(kind, name);
      this.#unknown.remove(resourceKey({ kind, name }), isWatched);
      if (!isWatched) this.#watch(kind, name);
    }
  }

  /**
   * What was sent, without the names that are not watched: no object that galley reports on is about them, and a
   * response that waits for its acknowledgement must not keep them in memory.
   */
  watchedOf(sent: Sent): Sent {
    const kind = kindOfType(sent.typeUrl);
    if (!kind || isWhole(kind) || this.#unknown.unwatched === 0) return sent;
    return { ...sent, resources: sent.resources.filter(({ name }) => this.isRequested(kind, name)) };
  }

  /** The proxy's subject is another one now. */
  move(): void {
    const { lists } = this.#context;
    const moved = (list: SharedList): SharedList => lists.move(list, this.#holder);
    for (const [kind, all] of this.#whole) this.#whole.set(kind, all.map(moved));
    for (const byName of this.#named.values()) for (const [name, list] of byName) byName.set(name, moved(list));
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
    const byName = this.#named.get(from.kind);
    for (const [name, list] of byName ?? []) if (list === from) byName?.set(name, now);
  }

  close(): void {
    for (const kind of this.#whole.keys()) this.#leave(kind);
    for (const [kind, byName] of this.#named) for (const name of byName.keys()) this.#drop(kind, name);
    this.#prepared.release();
  }

  /** Those of these names whose answer is not prepared, and neither this proxy has it nor another one of its class. */
  #newNames(kind: XdsKind, names: readonly string[]): readonly string[] {
    const known = this.#named.get(kind);
    const isNew = (name: string): boolean =>
      !known?.has(name) &&
      !this.#prepared.has(kind, name) &&
      !this.#context.lists.find({ kind, name }, this.#holder.subject);
    return names.filter(isNew);
  }

  #join(kind: WholeKind): readonly SharedList[] {
    const known = this.#whole.get(kind);
    if (known) return known;
    const joined = listsOf(kind).map((source) => this.#context.lists.join({ kind, source }, this.#holder));
    this.#whole.set(kind, joined);
    return joined;
  }

  #leave(kind: WholeKind): void {
    for (const list of this.#whole.get(kind) ?? []) this.#context.lists.leave(list, this.#holder);
    this.#whole.delete(kind);
    this.#context.onDropped();
  }

  #watch(kind: XdsKind, name: string): void {
    let byName = this.#named.get(kind);
    if (!byName) this.#named.set(kind, (byName = new Map()));
    if (!byName.has(name)) byName.set(name, this.#context.lists.join({ kind, name }, this.#holder));
  }

  #drop(kind: XdsKind, name: string): void {
    const byName = this.#named.get(kind);
    const list = byName?.get(name);
    if (this.#unknown.size > 0) this.#unknown.remove(resourceKey({ kind, name }), list !== undefined);
    if (!list) return;
    this.#context.lists.leave(list, this.#holder);
    byName?.delete(name);
    this.#context.onDropped();
  }

  /**
   * Names can be made up, of a subset for example, and each costs as much as a real one; so only some of the unknown
   * ones are watched. Another one is once something else brings it, as a new cluster brings its endpoints.
   */
  #watchNamed(kind: XdsKind, name: string): void {
    if (this.#isKnown(kind, name)) return this.#watch(kind, name);
    const { isWatched, isFirst } = this.#unknown.add(resourceKey({ kind, name }));
    if (isWatched) return this.#watch(kind, name);
    if (isFirst) this.#context.onUnwatched();
    this.#context.onDropped();
  }

  #isKnown(kind: XdsKind, name: string): boolean {
    const cluster = clusterOfName(kind, name, this.#isSidecar);
    return cluster === undefined ? this.get(typeUrls[kind], name) !== undefined : this.#hasCluster(cluster);
  }

  #hasCluster(cluster: string): boolean {
    return this.#whole.get('cds')?.some((list) => list.get(cluster)) ?? false;
  }
}
