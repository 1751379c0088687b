import { InputNode, type Cell } from './cell.ts';
import type { QueryKey } from './key.ts';
import { Entry, type Outcome } from './node.ts';

/** A result's place: which query, for which key, and for subjects with which values of which attributes. */
export interface ResultPlace {
  readonly query: string;
  readonly key: QueryKey;
  readonly attributes: readonly string[];
  readonly values: string;
}

/** One remembered result, as data. */
export interface ResultInfo extends ResultPlace {
  readonly state: Entry['state'];
  readonly outcome: Outcome;
  /** What it was computed from, in order. */
  readonly reads: readonly (Cell | ResultPlace)[];
  /** What was computed from it. */
  readonly dependents: readonly ResultPlace[];
  readonly watches: number;
}

export function describe(entry: Entry): ResultInfo {
  const { state, outcome, reads, dependents, watches } = entry;
  return {
    ...placeOf(entry),
    state,
    outcome,
    reads: reads.map((read) => (read instanceof InputNode ? read.cell : placeOf(read))),
    dependents: [...dependents].map(placeOf),
    watches: watches.size,
  };
}

const placeOf = ({ query, key, signature, values }: Entry): ResultPlace => ({
  query: query.name,
  key,
  attributes: signature.paths,
  values,
});
