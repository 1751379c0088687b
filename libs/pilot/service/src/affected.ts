import type { XdsKind } from '@flotilla/pilot-xds';
import type { Holder } from './shared-list.ts';

/** What has changed of a type: the resources of these names, or all of them. */
export type ChangedNames = ReadonlySet<string> | 'all';

/** What a change has changed for each holder of lists. */
export class Affected implements Iterable<readonly [Holder, ReadonlyMap<XdsKind, ChangedNames>]> {
  readonly #byHolder = new Map<Holder, Map<XdsKind, ChangedNames>>();
  /** Names that were put together here. Others belong to a list, and thousands of holders may share them. */
  readonly #own = new WeakSet<ReadonlySet<string>>();

  get size(): number {
    return this.#byHolder.size;
  }

  [Symbol.iterator](): Iterator<readonly [Holder, ReadonlyMap<XdsKind, ChangedNames>]> {
    return this.#byHolder[Symbol.iterator]();
  }

  /** The list of some names has changed for a holder. Costs as much as there are names, and nothing for the first. */
  note(holder: Holder, kind: XdsKind, names: ChangedNames): void {
    const kinds = this.#byHolder.get(holder) ?? new Map<XdsKind, ChangedNames>();
    this.#byHolder.set(holder, kinds);
    const known = kinds.get(kind);
    if (known === 'all') return;
    if (known === undefined || names === 'all') kinds.set(kind, names);
    else {
      const ownNames = this.#own.has(known) ? (known as Set<string>) : new Set(known);
      this.#own.add(ownNames);
      for (const name of names) ownNames.add(name);
      kinds.set(kind, ownNames);
    }
  }
}
