import { stableStringify } from '@flotilla/std';
import type { HTTPMatchRequest, StringMatch, VirtualService } from '@flotilla/model';
import { maxProblems, quoted, type Report } from './report.ts';

interface Rule {
  readonly name?: string;
  readonly match?: readonly object[];
}
type Named = { readonly name?: string };
const nameOf = (named: Named, i: number): string => (named.name ? quoted(named.name) : `#${i}`);

/** Warns of rules that can never be chosen, since rules before them take the same requests. */
export function warnOfUnreachableRules(spec: VirtualService, report: Report): void {
  warnOfRepeated(spec.http ?? [], 'spec.http', report);
  warnOfCoveredPrefixes(spec, report);
  warnOfRepeated(spec.tcp ?? [], 'spec.tcp', report);
  warnOfRepeated(spec.tls ?? [], 'spec.tls', report);
}

function warnOfRepeated(rules: readonly Rule[], path: string, report: Report): void {
  const seen = new Map<string, number>();
  let catchAll = false;
  for (const [i, rule] of rules.entries()) {
    const unused = (reason: string): void =>
      report.warn(`${path}[${i}]`, `virtualService rule ${nameOf(rule, i)} not used (${reason})`);
    if (!rule.match?.length) {
      if (catchAll) unused('only the last rule can have no matches');
      catchAll = true;
      continue;
    }
    let repeated = 0;
    for (const [n, match] of rule.match.entries()) {
      const { name: _, ...rest } = match as Named;
      const key = stableStringify(rest);
      const before = seen.get(key);
      if (before === undefined) {
        seen.set(key, i);
        continue;
      }
      repeated += 1;
      report.warn(
        `${path}[${i}].match[${n}]`,
        ineffective(nameOf(rule, i), nameOf(match as Named, n), nameOf(rules[before] ?? {}, before)),
      );
    }
    if (repeated === rule.match.length) unused('all matches used by prior rules');
  }
}

const ineffective = (rule: string, match: string, other: string): string =>
  `virtualService rule ${rule} match ${match} is not used (duplicate/overlapping match in rule ${other})`;

/** What else a match by prefix requires; values carry their kind, so that a prefix covers only a prefix. */
interface PrefixMatch {
  readonly rule: string;
  readonly match: string;
  readonly path: string;
  readonly prefix: string;
  readonly port: number;
  readonly method: string;
  readonly authority: string;
  readonly maps: readonly ReadonlyMap<string, string>[];
  /** How many entries the maps have together. */
  readonly conditions: number;
}
const valueOf = (match: StringMatch | undefined): string =>
  match?.exact ? `exact:${match.exact}` : match?.prefix ? `prefix:${match.prefix}` : '';
const valuesOf = (map: HTTPMatchRequest['headers']): ReadonlyMap<string, string> =>
  new Map(Object.entries(map ?? {}).map(([key, match]) => [key, valueOf(match)]));

function warnOfCoveredPrefixes(spec: VirtualService, report: Report): void {
  const keys = new Set<string>();
  const all = (spec.http ?? []).flatMap((rule, i) =>
    (rule.match ?? []).flatMap((match, n): PrefixMatch[] => {
      const { name: _, ...rest } = match;
      const key = stableStringify(rest);
      if (keys.has(key)) return [];
      keys.add(key);
      const maps = [match.headers, match.queryParams, match.withoutHeaders].map(valuesOf);
      return match.uri?.prefix
        ? [
            {
              rule: nameOf(rule, i),
              match: nameOf(match, n),
              path: `spec.http[${i}].match[${n}]`,
              prefix: match.uri.prefix,
              port: match.port ?? 0,
              method: valueOf(match.method) || 'exact:GET',
              authority: valueOf(match.authority),
              maps,
              conditions: maps.reduce((sum, { size }) => sum + size, 0),
            },
          ]
        : [];
    }),
  );
  const covered: (readonly [number, number])[] = [];
  let left = maxComparisons;
  for (const [i, n] of nestedPrefixes(all)) {
    const [first, later] = [all[i], all[n]];
    left -= 1 + (first && later && i < n ? Math.min(first.conditions, later.conditions) : 0);
    if (left < 0 || covered.length > maxProblems) break;
    if (first && later && i < n && covers(first, later)) covered.push([i, n]);
  }
  for (const [i, n] of covered.sort(([a, b], [c, d]) => a - c || b - d)) {
    const [first, later] = [all[i], all[n]];
    if (first && later)
      report.warn(
        later.path,
        ineffective(
          later.rule,
          `${later.match} of prefix ${later.prefix}`,
          `${first.match} of prefix ${first.prefix} on ${first.rule}`,
        ),
      );
  }
  if (left < 0)
    report.warn('spec.http', 'virtualService has so many matches by prefix that not all of them were compared');
}

/**
 * How many pairs of prefixes of one VirtualService are compared, with their headers and parameters; matches that differ
 * in these alone could make millions.
 */
const maxComparisons = 200_000;

/**
 * Places of two matches of which the first's prefix begins the second's. In sorted order those that begin a prefix
 * stand before it, each in the next.
 */
function* nestedPrefixes(all: readonly PrefixMatch[]): Iterable<readonly [number, number]> {
  const places = new Map<string, number[]>();
  for (const [i, { prefix }] of all.entries()) {
    const same = places.get(prefix);
    if (same) same.push(i);
    else places.set(prefix, [i]);
  }
  const beginnings: string[] = [];
  for (const prefix of [...places.keys()].sort()) {
    while (beginnings.length > 0 && !prefix.startsWith(beginnings.at(-1) ?? '')) beginnings.pop();
    for (const beginning of beginnings)
      for (const i of places.get(beginning) ?? []) for (const n of places.get(prefix) ?? []) yield [i, n];
    beginnings.push(prefix);
  }
}

/** Whether all that `b` matches is matched by `a`, whose prefix begins that of `b`. */
const covers = (a: PrefixMatch, b: PrefixMatch): boolean =>
  a.port === b.port &&
  a.method.startsWith(b.method) &&
  a.authority.startsWith(b.authority) &&
  a.maps.every((map, i) => coversMap(map, b.maps[i] ?? new Map()));
function coversMap(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  if (a.size !== b.size) return false;
  for (const [key, value] of a) {
    const other = b.get(key);
    if (other === undefined || !value.startsWith(other)) return false;
  }
  return true;
}
