import { worldQuery, type View, type WorldQuery } from '@flotilla/pilot-world';
import {
  sameMember,
  sameMembers,
  type FailedSource,
  type Member,
  type MemberList,
  type QueryKey,
} from '@flotilla/query';
import type { XdsResource } from './resource.ts';

/** What a member of a list makes: no resource where nothing is to be said. */
export type Made = XdsResource | undefined;
/** Members of a list of resources, in order. */
export type Names = readonly Member<Made>[];

/**
 * Defines a query that names the members of a list. It must not read them: it would depend on everything that any of
 * them depends on, and fail with any of them.
 */
export const namingQuery = (
  name: string,
  run: (view: View) => MemberList<Made>,
): WorldQuery<string, MemberList<Made>> => worldQuery(name, run, { equals: sameMembers });

/** Members that nothing but the naming query itself knows. */
export const listOf = (members: Names): MemberList<Made> => ({ members, failed: [] });

/** The members that each of these sources names, in order; a source that fails costs what it alone names. */
export function gatherNames<K extends QueryKey>(
  view: View,
  query: WorldQuery<K, Names>,
  sources: Iterable<{ readonly source: string; readonly key: K }>,
): MemberList<Made> {
  const members: Member<Made>[] = [];
  const failed: FailedSource[] = [];
  for (const { source, key } of sources) {
    const named = view.attempt(query, key);
    if ('value' in named) members.push(...named.value);
    else failed.push({ query: query as unknown as FailedSource['query'], key, source, error: named.error });
  }
  return { members, failed };
}

export const sameNames = (a: Names, b: Names): boolean =>
  a.length === b.length && a.every((one, i) => sameMember(one, b[i]));
