import { InputNode } from './cell.ts';
import type { StoreKey } from './key.ts';
import { Entry, type Node } from './node.ts';

/** A value of the store that a result read. */
export interface Input {
  readonly collection: string;
  readonly key: StoreKey;
}

/**
 * The values that were read by what failed with this error, below a result that goes on without it or has failed
 * itself. The most likely cause comes first: the innermost query that failed had read it last. At most `limit`; values
 * that do not exist are left out.
 */
export function causesOf(entry: Entry, error: unknown, limit: number): readonly Input[] {
  const found = new Set<Input>();
  for (const { value, cell } of inputsOf(failedWith(error, entry, new Set()) ?? entry, new Set())) {
    if (found.size >= limit) break;
    if (value !== undefined && cell.kind === 'value') found.add(cell);
  }
  return [...found];
}

/** The innermost entry that threw this. */
function failedWith(error: unknown, entry: Entry, seen: Set<Entry>): Entry | undefined {
  if (seen.has(entry)) return undefined;
  seen.add(entry);
  for (const read of entry.reads.toReversed()) {
    const inner = read instanceof Entry ? failedWith(error, read, seen) : undefined;
    if (inner) return inner;
  }
  return 'error' in entry.outcome && entry.outcome.error === error ? entry : undefined;
}

/** What an entry depends on, what it read last first. */
function* inputsOf(node: Node, seen: Set<Node>): Iterable<InputNode> {
  if (seen.has(node)) return;
  seen.add(node);
  if (node instanceof InputNode) yield node;
  else for (const read of node.reads.toReversed()) yield* inputsOf(read, seen);
}
