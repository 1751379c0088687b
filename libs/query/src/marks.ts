import type { InputNode } from './cell.ts';
import { seen, type Entry } from './node.ts';

/**
 * Marks the results that read these inputs as dirty, and what depends on those, transitively, as to be checked. Returns
 * those that are watched, with what was seen of them.
 */
export function mark(changed: Iterable<InputNode>): ReadonlyMap<Entry, unknown> {
  const watched = new Map<Entry, unknown>();
  for (const node of changed) for (const entry of node.dependents) markFrom(entry, watched);
  return watched;
}

function markFrom(start: Entry, watched: Map<Entry, unknown>): void {
  const visit = start.state === 'clean' ? [start] : [];
  start.state = 'dirty';
  for (let entry = visit.pop(); entry; entry = visit.pop()) {
    if (entry.watches.size > 0) watched.set(entry, seen(entry.outcome));
    for (const dependent of entry.dependents) {
      if (dependent.state !== 'clean') continue;
      dependent.state = 'check';
      visit.push(dependent);
    }
  }
}

/** All results that depend on these inputs, at any depth. Changes nothing. */
export function dependentsOf(nodes: Iterable<InputNode>): ReadonlySet<Entry> {
  const found = new Set<Entry>();
  const visit = [...nodes].flatMap((node) => [...node.dependents]);
  for (let entry = visit.pop(); entry; entry = visit.pop()) {
    if (found.has(entry)) continue;
    found.add(entry);
    for (const dependent of entry.dependents) visit.push(dependent);
  }
  return found;
}
