import {
  isWhole,
  listKey,
  listOfOne,
  listsOf,
  type ListKey,
  type Made,
  type WholeKind,
  type XdsKind,
} from '@flotilla/pilot-xds';
import { ListWatch, type Engine, type ListSource, type Signature, type Subject, type Watch } from '@flotilla/query';
import type { Affected } from './affected.ts';
import { SharedList, type Holder } from './shared-list.ts';

/** A list that proxies have: one of the lists that make up a type that is taken whole, or a single resource by name. */
export type AskedList =
  { readonly kind: WholeKind; readonly source: ListSource<Made> } | { readonly kind: XdsKind; readonly name: string };

/** Classes that depend on the same attributes, by their values of them. */
interface Group {
  readonly signature: Signature;
  readonly byValues: Map<string, SharedList>;
}
/** All classes of one list. */
interface Family {
  readonly asked: AskedList;
  readonly source: ListSource<Made>;
  /** One or two: each name that each proxy has is looked up in them, more than once. */
  readonly groups: Group[];
}

export interface SharedListsOptions {
  readonly engine: Engine;
  /** Hears of each list whose failures may be others now; of one that is over, none. */
  onFailures(list: SharedList, isOver: boolean): void;
}

/**
 * Lists by the classes of proxies that have them. A class costs one watch on the list, however many proxies are in it,
 * and a proxy in it one reference.
 */
export class SharedLists {
  readonly #options: SharedListsOptions;
  readonly #whole = new Map<ListSource<Made>, Family>();
  readonly #named = new Map<XdsKind, Map<string, Family>>();
  readonly #byWatch = new Map<ListWatch, { readonly list: SharedList; readonly family: Family }>();

  constructor(options: SharedListsOptions) {
    this.#options = options;
  }

  /** The list for a subject, if some proxy of its class has it. */
  find(asked: AskedList, subject: Subject): SharedList | undefined {
    const family = this.#family(asked);
    return family && findIn(family, subject);
  }

  /** From now on the holder has the list. `former` is the one that it takes the place of. */
  join(asked: AskedList, holder: Holder, former?: SharedList): SharedList {
    const family = this.#family(asked) ?? this.#found(asked);
    const list = findIn(family, holder.subject) ?? this.#create(family, holder.subject, former);
    list.holders.add(holder);
    return list;
  }

  leave(list: SharedList, holder: Holder): void {
    list.holders.delete(holder);
    if (list.holders.size === 0) this.#close(list);
  }

  /** The holder's subject is another one. */
  move(list: SharedList, holder: Holder): SharedList {
    const { asked } = this.#familyOf(list);
    const now = this.join(asked, holder, list);
    if (now !== list) this.leave(list, holder);
    return now;
  }

  /** The lists whose members these watches name again, each with one of its subjects. */
  *renamed(watches: Iterable<Watch>): Iterable<{ readonly key: ListKey; readonly subject: Subject }> {
    for (const watch of watches) {
      const known = watch.list?.isNaming(watch) ? this.#byWatch.get(watch.list) : undefined;
      if (!known || !isWhole(known.list.kind)) continue;
      const { kind } = known.list;
      const { source } = known.family;
      yield { key: listKey({ kind, place: listsOf(kind).indexOf(source) }), subject: watch.subject };
    }
  }

  /** The list that a watch belongs to. */
  listOf({ list }: Watch): SharedList | undefined {
    return list && this.#byWatch.get(list)?.list;
  }

  /**
   * Updates the lists of watches that have changed, one list per step; until the last step, some lists are out of date.
   * Notes for each holder the names that differ for it.
   */
  *settle(watches: Iterable<Watch>, affected: Affected): Iterable<void> {
    for (const [watch, changed] of byList(watches)) {
      const known = this.#byWatch.get(watch);
      if (!known) continue;
      const { signature } = watch;
      let isRenamed = false;
      for (const each of changed) isRenamed = watch.note(each) || isRenamed;
      const { list, family } = known;
      const names = list.update(changed, isRenamed);
      this.#options.onFailures(list, false);
      if (names.size > 0) for (const holder of list.holders) affected.note(holder, list.kind, names);
      if (watch.signature !== signature)
        for (const holder of this.#refile(family, list, signature)) affected.note(holder, list.kind, 'all');
      yield;
    }
  }

  #family(asked: AskedList): Family | undefined {
    return 'source' in asked ? this.#whole.get(asked.source) : this.#named.get(asked.kind)?.get(asked.name);
  }

  /** Creates a family. */
  #found(asked: AskedList): Family {
    const source = 'source' in asked ? asked.source : listOfOne(asked);
    const family: Family = { asked, source, groups: [] };
    if ('source' in asked) this.#whole.set(source, family);
    else {
      const byName = this.#named.get(asked.kind) ?? new Map<string, Family>();
      this.#named.set(asked.kind, byName.set(asked.name, family));
    }
    return family;
  }

  #forget({ asked }: Family): void {
    if ('source' in asked) this.#whole.delete(asked.source);
    else this.#named.get(asked.kind)?.delete(asked.name);
  }

  #familyOf(list: SharedList): Family {
    const known = this.#byWatch.get(list.watch);
    if (!known) throw new Error('the list is closed');
    return known.family;
  }

  #create(family: Family, subject: Subject, former?: SharedList): SharedList {
    const watch = new ListWatch<Made>(this.#options.engine, family.source, subject);
    const list = new SharedList(family.asked.kind, watch, former);
    this.#byWatch.set(watch, { list, family });
    file(family, list);
    this.#options.onFailures(list, false);
    return list;
  }

  #close(list: SharedList): void {
    const family = this.#familyOf(list);
    list.watch.close();
    this.#byWatch.delete(list.watch);
    unfile(family, list, list.watch.signature);
    if (family.groups.length === 0) this.#forget(family);
    this.#options.onFailures(list, true);
  }

  /** A list that depends on more of its subjects than before: some may have to leave it. Returns those. */
  #refile(family: Family, list: SharedList, before: Signature): Holder[] {
    unfile(family, list, before);
    const values = list.watch.subject.valuesOf(list.watch.signature);
    const other = findIn(family, list.watch.subject);
    if (!other) file(family, list);
    const moved = [...list.holders].filter(
      (holder) => other !== undefined || holder.subject.valuesOf(list.watch.signature) !== values,
    );
    for (const holder of moved) holder.onMoved(list, this.move(list, holder));
    return moved;
  }
}

function findIn({ groups }: Family, subject: Subject): SharedList | undefined {
  for (const { signature, byValues } of groups) {
    const list = byValues.get(subject.valuesOf(signature));
    if (list) return list;
  }
  return undefined;
}

const groupOf = ({ groups }: Family, signature: Signature): Group | undefined =>
  groups.find((group) => group.signature === signature);

function file(family: Family, list: SharedList): void {
  const { signature, subject } = list.watch;
  let group = groupOf(family, signature);
  if (!group) family.groups.push((group = { signature, byValues: new Map() }));
  group.byValues.set(subject.valuesOf(signature), list);
}

function unfile(family: Family, list: SharedList, signature: Signature): void {
  const group = groupOf(family, signature);
  const values = list.watch.subject.valuesOf(signature);
  if (group?.byValues.get(values) !== list) return;
  group.byValues.delete(values);
  if (group.byValues.size === 0) family.groups.splice(family.groups.indexOf(group), 1);
}

function byList(watches: Iterable<Watch>): Map<ListWatch, Set<Watch>> {
  const found = new Map<ListWatch, Set<Watch>>();
  for (const watch of watches) {
    if (!watch.list) continue;
    const changed = found.get(watch.list);
    if (changed) changed.add(watch);
    else found.set(watch.list, new Set([watch]));
  }
  return found;
}
