import { deepEqual } from '@flotilla/std';
import type { QueryKey } from './key.ts';
import { Engine } from './engine.ts';

export interface Mismatch {
  readonly query: string;
  readonly key: QueryKey;
  readonly remembered: unknown;
  readonly fresh: unknown;
}

/** The checking mode: computes every watched result again from nothing and compares. Empty when reuse was right. */
export function checkAgainstScratch(engine: Engine): Mismatch[] {
  const scratch = new Engine(engine.store.copy());
  const mismatches: Mismatch[] = [];
  for (const { query, key, subject } of [...engine.watches()]) {
    const remembered = outcome(() => engine.read(query, key, subject));
    const fresh = outcome(() => scratch.read(query, key, subject));
    if (!deepEqual(remembered, fresh)) mismatches.push({ query: query.name, key, remembered, fresh });
  }
  return mismatches;
}

function outcome(read: () => unknown): unknown {
  try {
    return { value: read() };
  } catch (error) {
    return { error: String(error) };
  }
}
