import { InputNode } from './cell.ts';
import type { StoreKey } from './key.ts';
import { Entry, type Node } from './node.ts';

/** A value of the store that a result read. */
export interface Input {
  readonly collection: string;
  readonly key: StoreKey;
}

/**
 * The values that a failed result read, the most likely cause first: those that the innermost query that failed had
 * read last. At most `limit`; values that do not exist are left out.
 */
export function causesOf(entry: Entry, limit: number): readonly Input[] {
  const found = new Set<Input>();
  for (const { value, cell } of inputsOf(innermost(entry), new Set())) {
    if (found.size >= limit) break;
    if (value !== undefined && cell.kind === 'value') found.add(cell);
  }
  return [...found];
}

/** The entry that threw what this one failed with. */
function innermost(entry: Entry): Entry {
  const { outcome } = entry;
  if (!('error' in outcome)) return entry;
  const inner = entry.reads.findLast(
    (read): read is Entry => read instanceof Entry && 'error' in read.outcome && read.outcome.error === outcome.error,
  );
  return inner ? innermost(inner) : entry;
}

/** What an entry depends on, what it read last first. */
function* inputsOf(node: Node, seen: Set<Node>): Iterable<InputNode> {
  if (seen.has(node)) return;
  seen.add(node);
  if (node instanceof InputNode) yield node;
  else for (const read of node.reads.toReversed()) yield* inputsOf(read, seen);
}
