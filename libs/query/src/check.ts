import { deepEqual } from '@flotilla/std';
import type { QueryKey } from './key.ts';
import { Engine } from './engine.ts';
import type { AnyQuery } from './node.ts';

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
    if (!isEqual(query, remembered, fresh)) mismatches.push({ query: query.name, key, remembered, fresh });
  }
  return mismatches;
}

type Outcome = { readonly value: unknown } | { readonly error: string };

/**
 * Whether readers may treat two results as equal. Their representation may differ where the query compares by
 * itself.
 */
const isEqual = ({ equals }: AnyQuery, a: Outcome, b: Outcome): boolean =>
  deepEqual(a, b) ||
  (equals !== undefined && 'value' in a && 'value' in b && equals(a.value as never, b.value as never));

function outcome(read: () => unknown): Outcome {
  try {
    return { value: read() };
  } catch (error) {
    return { error: String(error) };
  }
}
