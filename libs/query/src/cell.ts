import type { Entry } from './node.ts';

/** A part of the store that a query can read by itself: one value, the keys of a collection, or one key of an index. */
export type Cell =
  | { readonly kind: 'value'; readonly collection: string; readonly key: string }
  | { readonly kind: 'list'; readonly collection: string }
  | { readonly kind: 'index'; readonly collection: string; readonly index: string; readonly key: string };

/** One text for each cell; never taken apart again. */
export function cellId(cell: Cell): string {
  switch (cell.kind) {
    case 'value':
      return `${cell.collection}\0=${cell.key}`;
    case 'list':
      return `${cell.collection}\0*`;
    case 'index':
      return `${cell.collection}\0#${cell.index}\0${cell.key}`;
  }
}

/** A cell of the store that some query read. */
export class InputNode {
  readonly dependents = new Set<Entry>();
  readonly id: string;
  readonly cell: Cell;
  value: unknown;

  constructor(id: string, cell: Cell, value: unknown) {
    this.id = id;
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
