import { createReporter, idOf, type CollectionKey, type ObjectReport, type ReportSender } from '@flotilla/bus-port';
import { keyOf, type Batch } from '@flotilla/model';
import { cellsOf } from '@flotilla/pilot-world';
import type { Engine } from '@flotilla/query';
import type { Clock } from '@flotilla/std';
import { ObjectReports, type ObjectReportsOptions, type ReportedObject } from './object-reports.ts';
import { ProxyReport } from './proxy-report.ts';

export interface ReportsOptions extends ObjectReportsOptions {
  readonly engine: Engine;
  readonly sender: ReportSender;
  /** Which pilot this is: its pod's or host's name. */
  readonly instance: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onProblem: (message: string) => void;
}
/** What galley learns of what proxies have. */
export interface Reports {
  /** A proxy that has connected; `close` it in the end. */
  open(): ProxyReport;
  close(proxy: ProxyReport): void;
  /** The World has what is in the batch; returns its revision. Nothing is worked out before `settled`. */
  begin(batch: Batch): number;
  /** What follows from the changes has been sent, or will be when its proxy is ready. */
  settled(): void;
}

/** Objects are looked at in turns of so many milliseconds, and at most a twentieth of the time. */
const turn = { ms: 5, factor: 20, leastPauseMs: 50 };

/** A rejected response that brought more objects than this is taken for one that brought all. */
const maxChanged = 10_000;

/** Reports nothing. */
export const noReports: Reports = {
  open: () => new ProxyReport({ onChange: () => {}, changedSince: () => undefined }),
  close: () => {},
  begin: () => 0,
  settled: () => {},
};

/** Objects of the World with what proxies have of them, kept up to date at the cost of what changes. */
export function createReports(options: ReportsOptions): Reports {
  const { clock, signal } = options;
  const reporter = createReporter(options);
  const objectReports = new ObjectReports(options);
  const objects = new Map<CollectionKey, ReportedObject>();
  /** Objects by their revision, the latest last; an object that has changed since is in it more than once. */
  let history: ReportedObject[] = [];
  const due = new Set<CollectionKey>();
  let revision = 0;
  /** Objects of this revision or later may be reported on differently. */
  let dueSince = Infinity;
  let isSettling = false;
  let isPlanned = false;
  let notBefore = 0;

  function onChange(since: number): void {
    dueSince = Math.min(dueSince, since);
    plan();
  }

  /** Shared by all proxies that reject the same. */
  let changed:
    { readonly since: number; readonly revision: number; readonly ids: ReadonlySet<CollectionKey> } | undefined;
  function changedSince(since: number): ReadonlySet<CollectionKey> | undefined {
    if (since === 0) return undefined;
    if (changed?.since === since && changed.revision === revision) return changed.ids;
    const ids = new Set<CollectionKey>();
    for (const object of latest(since)) if (ids.add(idOf(object)).size > maxChanged) return undefined;
    changed = { since, revision, ids };
    return ids;
  }

  /** Objects of this revision or later, the latest first; one that has changed several times comes several times. */
  function* latest(since: number): Iterable<ReportedObject> {
    for (let i = history.length - 1; i >= 0; i -= 1) {
      const object = history[i];
      if (!object || object.revision < since) return;
      yield object;
    }
  }

  function plan(): void {
    if (isPlanned || isSettling || signal.aborted || (dueSince === Infinity && due.size === 0)) return;
    isPlanned = true;
    clock.after(Math.max(turn.leastPauseMs, notBefore - clock.now()), () => {
      isPlanned = false;
      if (!isSettling) work();
    });
  }

  /** One turn. What is left of it is planned. */
  function work(): void {
    const started = clock.now();
    for (const object of latest(dueSince)) due.add(idOf(object));
    dueSince = Infinity;
    const reports: ObjectReport[] = [];
    for (const id of due) {
      due.delete(id);
      const object = objects.get(id);
      if (object) reports.push(objectReports.of(object));
      if (clock.now() - started >= turn.ms) break;
    }
    reporter.update(reports, []);
    const ended = clock.now();
    notBefore = ended + turn.factor * (ended - started);
    plan();
  }

  function put(object: ReportedObject): void {
    objects.set(idOf(object), object);
    history.push(object);
    if (history.length > 2 * objects.size + 1000) history = history.filter((each) => objects.get(idOf(each)) === each);
  }

  return {
    open: () => new ProxyReport({ onChange, changedSince }),
    close: () => onChange(0),
    begin(batch) {
      isSettling = true;
      revision += 1;
      reporter.follow(batch.session);
      for (const { resource, version = '' } of batch.put) {
        const [collection, key] = [resource.collection, keyOf(resource.meta)];
        put({ collection, key, version, revision, cells: cellsOf(collection, key) });
      }
      const gone = batch.delete.filter((object) => objects.delete(idOf(object)));
      reporter.update([], gone);
      dueSince = Math.min(dueSince, revision);
      return revision;
    },
    settled() {
      isSettling = false;
      plan();
    },
  };
}
