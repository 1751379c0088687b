import type { StoreKey } from './key.ts';
import type { Entry } from './node.ts';

/**
 * A part of the store that a query can read by itself: one value, the keys of a collection, whether it has any, or one
 * key of an index.
 */
export type Cell =
  | { readonly kind: 'value'; readonly collection: string; readonly key: StoreKey }
  | { readonly kind: 'list'; readonly collection: string }
  | { readonly kind: 'emptiness'; readonly collection: string }
  | { readonly kind: 'index'; readonly collection: string; readonly index: string; readonly key: StoreKey };

/** A cell of the store that some query read. */
export class InputNode {
  readonly dependents = new Set<Entry>();
  readonly cell: Cell;
  value: unknown;

  constructor(cell: Cell, value: unknown) {
    this.cell = cell;
    this.value = value;
  }

  get isHeld(): boolean {
    return this.dependents.size > 0;
  }

  addDependent(entry: Entry): void {
    this.dependents.add(entry);
  }

  removeDependent(entry: Entry): void {
    this.dependents.delete(entry);
  }

  /** Takes what the cell holds now; returns whether it differs. Lists are compared by content. */
  refresh(fresh: unknown): boolean {
    const old = this.value;
    if (
      Array.isArray(fresh) &&
      Array.isArray(old) &&
      fresh.length === old.length &&
      fresh.every((item, i) => item === old[i])
    )
      return false;
    this.value = fresh;
    return fresh !== old;
  }
}
