import type { KeySetProblem, WantedKeySet } from '@flotilla/model';
import { maxMessage, printable } from '@flotilla/std';
import type { FollowedKeySet } from './followed-key-set.ts';
import { publicUrl } from './url.ts';

const named = (objects: readonly string[]): readonly string[] =>
  objects.map((object) => `request-authentications ${printable(object)}`);

/** What is wrong with a key set; undefined for one that has current keys. */
export function describeProblem({
  key,
  objects,
  failure,
  state,
  fetchedAt,
}: FollowedKeySet): KeySetProblem | undefined {
  if (!failure) return undefined;
  const { reason, remedy } = failure.failure;
  const url = publicUrl(key.url);
  const isOutdated = state === 'outdated' && fetchedAt < failure.since;
  const effect = isOutdated
    ? `those of ${new Date(fetchedAt).toISOString()} stay in force`
    : 'tokens that need them are refused';
  return {
    code: 'jwks-unavailable',
    level: isOutdated ? 'warning' : 'error',
    message: printable(`the keys at ${url} cannot be used: ${reason}; ${effect}; ${remedy}`, maxMessage),
    url,
    objects: named(objects),
    since: new Date(failure.since).toISOString(),
  };
}

/** The problem of a key set that is not fetched because there are too many. */
export function beyondLimit({ key, objects }: WantedKeySet, limit: number): KeySetProblem {
  const url = publicUrl(key.url);
  return {
    code: 'jwks-unavailable',
    level: 'error',
    message: `the keys at ${url} are not fetched: there are more than ${limit} key sets; tokens that need them are refused; remove some, or raise --max-key-sets`,
    url,
    objects: named(objects),
  };
}
