import type { Engine } from './engine.ts';
import type { QueryKey } from './key.ts';
import type { AnyQuery, Watch } from './node.ts';
import type { Query } from './query.ts';
import { noAttributes, union, type Signature, type Subject } from './subject.ts';

/** A result that a list names without reading it. */
export interface Member<R = unknown> {
  readonly query: Query<QueryKey, R, never>;
  readonly key: QueryKey;
  /** What the member is called in the list: one that comes in the place of another one has the same name. */
  readonly name: string;
  /** What the list has learned of the member from, where that can fail by itself. */
  readonly source?: string;
}

/** Names a result of a query as a member of a list. */
export const member = <K extends QueryKey, R, V>(
  query: Query<K, R, V>,
  key: K,
  { name, source }: Pick<Member, 'name' | 'source'>,
): Member<R> => ({
  query: query as unknown as Query<QueryKey, R, never>,
  key,
  name,
  ...(source === undefined ? {} : { source }),
});

/** A source of members that has failed: nobody knows which members it has. */
export interface FailedSource extends Pick<Member, 'query' | 'key'> {
  /** As its members have it. */
  readonly source: string;
  readonly error: unknown;
}

/** What a naming query answers: the members of a list, in order, and sources that failed to tell theirs. */
export interface MemberList<R = unknown> {
  readonly members: readonly Member<R>[];
  readonly failed: readonly FailedSource[];
}

/** A list: a query that names its members, or one member for good. */
export type ListSource<R = unknown> =
  { readonly naming: Query<QueryKey, MemberList<R>, never>; readonly key: QueryKey } | { readonly only: Member<R> };

export const sameMember = (a: Member, b: Member | undefined): boolean =>
  a === b || (a.query === b?.query && a.key === b.key && a.name === b.name && a.source === b.source);

/** For `equals` of naming queries: the same members in the same order, and the same failures. */
export const sameMembers = (a: MemberList, b: MemberList): boolean =>
  a.members.length === b.members.length &&
  a.members.every((one, i) => sameMember(one, b.members[i])) &&
  a.failed.length === b.failed.length &&
  a.failed.every(({ source, error }, i) => source === b.failed[i]?.source && error === b.failed[i]?.error);

/**
 * A watch over a list for all subjects that agree on `signature`: over what names its members, and over each of them.
 * A naming query that fails leaves the list as it was; a source that fails, what the list had learned from it.
 */
export class ListWatch<R = unknown> {
  /** One of the subjects. */
  readonly subject: Subject;
  readonly #engine: Engine;
  readonly #naming: Watch | undefined;
  #members: readonly NamedWatch[] = [];
  #signature: Signature = noAttributes;
  #failedSources: readonly FailedSource[] = [];

  constructor(engine: Engine, source: ListSource<R>, subject: Subject) {
    this.subject = subject;
    this.#engine = engine;
    if ('only' in source) this.#members = [this.#watchMember(source.only)];
    else {
      this.#naming = this.#watch(source.naming, source.key);
      this.#name();
    }
  }

  /** Subjects that agree on these attributes have the same entries. It only grows. */
  get signature(): Signature {
    return this.#signature;
  }

  /** In order. */
  get members(): readonly NamedWatch[] {
    return this.#members;
  }

  /** The watch on what names the members, while that fails. */
  get failed(): Watch | undefined {
    return this.#naming && 'error' in this.#naming.outcome ? this.#naming : undefined;
  }

  /** Sources that fail: what had been learned from them stays in the list. */
  get failedSources(): readonly FailedSource[] {
    return this.#failedSources;
  }

  /** The watch on what names the members; undefined for a list of one. */
  get naming(): Watch | undefined {
    return this.#naming;
  }

  /** Whether this is the watch on what names the members. */
  isNaming(watch: Watch): boolean {
    return watch === this.#naming;
  }

  /** Takes over that one of its watches has changed. Returns whether there may be other members, or another order. */
  note(watch: Watch): boolean {
    this.#signature = union(this.#signature, watch.entry.signature);
    if (watch !== this.#naming) return false;
    this.#name();
    return true;
  }

  close(): void {
    for (const { watch } of this.#members) this.#unwatch(watch);
    if (this.#naming) this.#unwatch(this.#naming);
    this.#members = [];
  }

  #watch<Q>(query: Query<QueryKey, Q, never>, key: QueryKey): Watch {
    const watch = this.#engine.watch(query, key, this.subject);
    watch.list = this;
    this.#signature = union(this.#signature, watch.entry.signature);
    return watch;
  }

  /** What has left the list has no `list` any more. */
  #unwatch(watch: Watch): void {
    if (watch.list !== this) return;
    delete watch.list;
    this.#engine.unwatch(watch);
  }

  #watchMember(named: Member): NamedWatch {
    return { member: named, watch: this.#watch(named.query, named.key) };
  }

  #name(): void {
    const outcome = this.#naming?.outcome;
    if (!outcome || 'error' in outcome) return;
    const { members, failed } = outcome.value as MemberList;
    const before = new ByMember(this.#members);
    const now = members.flatMap((named): NamedWatch[] => {
      if (before.isTaken(named)) return [];
      const known = before.take(named);
      return [known?.watch.list ? { member: named, watch: known.watch } : this.#watchMember(named)];
    });
    const left = [...before.left()];
    for (const { watch } of left) this.#unwatch(watch);
    const lost = new Set(failed.map(({ source }) => source));
    const kept = left.filter(({ member: { source } }) => source !== undefined && lost.has(source));
    this.#members = [...now, ...kept];
    this.#failedSources = failed;
  }
}

/**
 * A member, and the watch on its result. One that is in the list only because its source fails is not watched any more:
 * its watch has no `list`.
 */
export interface NamedWatch {
  readonly member: Member;
  readonly watch: Watch;
}

/** Watches by their members; each is taken once. */
class ByMember {
  readonly #byQuery = new Map<AnyQuery, Map<QueryKey, NamedWatch | undefined>>();

  constructor(all: readonly NamedWatch[]) {
    for (const one of all) this.#of(one.member).set(one.member.key, one);
  }

  isTaken(named: Member): boolean {
    const keys = this.#of(named);
    return keys.has(named.key) && keys.get(named.key) === undefined;
  }

  take(named: Member): NamedWatch | undefined {
    const found = this.#of(named).get(named.key);
    this.#of(named).set(named.key, undefined);
    return found;
  }

  *left(): Iterable<NamedWatch> {
    for (const keys of this.#byQuery.values()) for (const one of keys.values()) if (one) yield one;
  }

  #of({ query }: Member): Map<QueryKey, NamedWatch | undefined> {
    const known = this.#byQuery.get(query) ?? new Map<QueryKey, NamedWatch | undefined>();
    this.#byQuery.set(query, known);
    return known;
  }
}
