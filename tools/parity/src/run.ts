import { join, relative } from 'node:path';
import type { Area, Outcome, ParityOptions } from './area.ts';
import { accepts, readAccepted, type Accepted } from './corpus/accepted.ts';
import { locateCases } from './corpus/locate.ts';

/** The outcomes of an area's cases. Each case is in one of the four lists. */
export interface Report {
  readonly agreeing: readonly Outcome[];
  readonly differing: readonly Outcome[];
  readonly accepted: readonly (Outcome & { readonly entry: Accepted })[];
  /** Cases that need a feature that this version lacks, with the feature; some of them may agree. */
  readonly apart: readonly (Outcome & { readonly needs: string })[];
  /** Entries of accepted.yaml whose case agrees. */
  readonly stale: readonly Accepted[];
}

/** Everything that `runArea` needs to know. */
export interface AreaRun extends ParityOptions {
  readonly name: string;
  readonly area: Area;
  /** Names of all areas, for accepted.yaml. */
  readonly areas: readonly string[];
  /** Called with each outcome as soon as it is known, and the list that it is in. */
  seen?(outcome: Outcome, verdict: Exclude<keyof Report, 'stale'>): void;
}

/** Compares an area's cases with Istio's answers. Rejects with Unmet when there are none. */
export async function runArea({ name, area, areas, seen, ...options }: AreaRun): Promise<Report> {
  const folders = locateCases(name, area, options);
  const entries = readAccepted(areas).get(name) ?? [];
  const report = emptyReport();
  const roots = folders.map(({ folder }) => folder);
  for (const { folder, cases } of folders) {
    const paths = new Map(cases.map(({ name: one, path }) => [one, path]));
    const out = options.out === undefined ? {} : { out: outFolder(options.out, roots, folder) };
    for await (const outcome of area.compare({ folder, cases, ...out, dump: options.dump, envoy: options.envoy })) {
      const needs = area.needs?.(paths.get(outcome.name) ?? '');
      const entry = entries.find((candidate) => accepts(candidate, outcome.name));
      const list = file(report, { outcome, needs, entry });
      seen?.(outcome, list);
    }
  }
  return report;
}

interface Filed {
  readonly outcome: Outcome;
  readonly needs?: string;
  readonly entry?: Accepted;
}

/** Puts an outcome into the list where it belongs and returns the list's name. */
function file(report: Lists, { outcome, needs, entry }: Filed): Exclude<keyof Report, 'stale'> {
  const agrees = outcome.difference === undefined;
  if (entry && agrees) report.stale.push(entry);
  if (needs !== undefined) {
    report.apart.push({ ...outcome, needs });
    return 'apart';
  }
  if (entry && !agrees) {
    report.accepted.push({ ...outcome, entry });
    return 'accepted';
  }
  report[agrees ? 'agreeing' : 'differing'].push(outcome);
  return agrees ? 'agreeing' : 'differing';
}

type Lists = { readonly [List in keyof Report]: Report[List][number][] };
const emptyReport = (): Lists => ({ agreeing: [], differing: [], accepted: [], apart: [], stale: [] });

/** The answers to several folders go to folders of their own. */
function outFolder(out: string, roots: readonly string[], folder: string): string {
  const [first = ''] = roots;
  const common = roots.length === 1 ? first : roots.reduce((a, b) => commonParent(a, b));
  return join(out, relative(common, folder));
}
function commonParent(a: string, b: string): string {
  const [left, right] = [a.split('/'), b.split('/')];
  const differs = left.findIndex((part, i) => part !== right[i]);
  return differs === -1 ? a : left.slice(0, differs).join('/');
}
