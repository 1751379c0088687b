import { versionOf, type ObjectId, type Origin, type Problem } from '@flotilla/model';
import type { Claim } from './claim.ts';

/** What has become of one version of an object: for its status, for analysis and for admission. */
export interface Outcome extends ObjectId {
  readonly source: string;
  /** `metadata.generation`, or a hash of the content where there is none. */
  readonly generation: string;
  /** `refused`: it has errors, and the last good version, if any, stays in force. */
  readonly verdict: 'accepted' | 'refused';
  readonly warnings: readonly Problem[];
  readonly errors: readonly Problem[];
  readonly origin: Origin;
  /** The good version; it has effect unless the same object comes first in another place. */
  readonly inForce?: { readonly generation: string; readonly origin: Origin };
}

export function outcomeOf(claim: Claim): Outcome {
  const { id, source, generation, problems, origin, good, isGood } = claim;
  return {
    ...id,
    source,
    generation,
    verdict: isGood ? 'accepted' : 'refused',
    warnings: problems.filter(({ level }) => level !== 'error'),
    errors: problems.filter(({ level }) => level === 'error'),
    origin,
    ...(good ? { inForce: { generation: versionOf(good.resource), origin: good.origin } } : {}),
  };
}
