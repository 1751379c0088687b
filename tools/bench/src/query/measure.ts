import { Affected } from '@flotilla/pilot-service';
import { changesOf, watchedWorld } from './world.ts';
import { kinds, quantile, type Kind } from '../result.ts';
import type { Mesh, MeshFile, MeshSize } from '../bench-mesh.ts';

/** What one change cost. */
export interface QueryResult {
  readonly kind: Kind;
  /** How often each query ran. */
  readonly runs: Readonly<Record<string, number>>;
  /** All that ran, and the results that there are. */
  readonly ran: number;
  readonly results: number;
  /** Answers, of one type or name to one sidecar, that are others now, of all. */
  readonly changed: number;
  readonly answers: number;
  readonly p50Ms: number;
}
export interface QueryOptions {
  readonly mesh: MeshSize;
  readonly sidecars: number;
  readonly changes: number;
}

/** The k-th change of a kind, all of services that a change has not touched yet. */
function fileOf(mesh: Mesh, kind: Kind, k: number): MeshFile {
  const i = (k * mesh.size.everyRoute) % mesh.size.services;
  switch (kind) {
    case 'endpoint':
      return mesh.entry(i, { moves: 1 + k });
    case 'route':
      return mesh.route(i, `mark-${k}`);
    case 'service':
      return mesh.entry(k, { name: `new-${k}` });
  }
}

/**
 * Changes one of many services while sidecars watch: which queries run again, counted, and how long it takes. The
 * counts are of the last change.
 */
export function measureQueries({ mesh: size, sidecars, changes }: QueryOptions): QueryResult[] {
  const { engine, lists, mesh, answers } = watchedWorld(size, sidecars);
  return kinds.map((kind) => {
    const times: number[] = [];
    let changed = 0;
    for (let k = 0; k < changes; k += 1) {
      const change = changesOf(fileOf(mesh, kind, k));
      engine.resetStats();
      const start = performance.now();
      const affected = new Affected();
      Array.from(lists.settle(engine.apply(change), affected));
      times.push(performance.now() - start);
      changed = [...affected].reduce((sum, [, differing]) => sum + differing.size, 0);
      engine.collect();
    }
    const runs = Object.fromEntries([...engine.stats.runs].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)));
    const ran = Object.values(runs).reduce((sum, n) => sum + n, 0);
    return { kind, runs, ran, results: engine.stats.entries, changed, answers, p50Ms: quantile(times, 0.5) };
  });
}
