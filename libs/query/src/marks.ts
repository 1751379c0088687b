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

/** Results that read some inputs. */
export interface Readers {
  readonly results: ReadonlySet<Entry>;
  /** Of these, those on which so many others depend that what depends on them is left out. */
  readonly hubs: readonly Entry[];
}
export interface ReaderLimits {
  /** A result with more dependents than this is a hub. */
  readonly dependents: number;
  /** No more results than this are looked at. */
  readonly results: number;
}

/** The results that depend on these inputs, at any depth, but not through hubs; the nearest first. Changes nothing. */
export function readersOf(nodes: Iterable<InputNode>, { dependents, results }: ReaderLimits): Readers {
  const found = new Set<Entry>();
  const hubs: Entry[] = [];
  for (const node of nodes) for (const entry of node.dependents) if (found.size < results) found.add(entry);
  // What is added while the set is walked is walked too.
  for (const entry of found) {
    if (entry.dependentCount > dependents) hubs.push(entry);
    else for (const dependent of entry.dependents) if (found.size < results) found.add(dependent);
  }
  return { results: found, hubs };
}
