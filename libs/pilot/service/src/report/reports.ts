import { createReporter, idOf, type CollectionKey, type ObjectReport, type ReportSender } from '@flotilla/bus-port';
import { keyOf, rootsSuffix, type Batch } from '@flotilla/model';
import { cellsOf } from '@flotilla/pilot-world';
import type { Engine } from '@flotilla/query';
import { credentialNames } from '@flotilla/rules';
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
  /**
   * What proxies get of these credentials may be different now, or which of them they request; undefined: of any. They
   * are named as Secrets or as resources.
   */
  credentialsChanged(names: Iterable<string> | undefined): void;
  /** What follows from the changes has been sent, or will be when its proxy is ready. */
  settled(): void;
}

/** Objects are looked at in turns of so many milliseconds, and at most a twentieth of the time. */
const turn = { ms: 5, factor: 20, leastPauseMs: 50 };

/**
 * When something affects all objects, such as a proxy that connects, they are checked once nothing like it has happened
 * for `calmMs`, but after `mostMs` at the latest.
 */
const whole = { calmMs: 200, mostMs: 2000 };

/** A rejected response that brought more objects than this is taken for one that brought all. */
const maxChanged = 10_000;

/** The part of a name that all names of a Secret and of its roots have in common. */
function secretOf(name: string): string {
  const last = name.slice(name.lastIndexOf('/') + 1);
  return last.endsWith(rootsSuffix) ? last.slice(0, -rootsSuffix.length) : last;
}

/** Kinds whose TLS settings name credentials. */
const namesCredentials: ReadonlySet<string> = new Set(['gateways', 'destination-rules']);
const noCredentials: ReadonlySet<string> = new Set();

interface KnownObject extends ReportedObject {
  readonly id: CollectionKey;
}

/** Reports nothing. */
export const noReports: Reports = {
  open: () => new ProxyReport({ onChange: () => {}, changedSince: () => undefined }),
  close: () => {},
  begin: () => 0,
  credentialsChanged: () => {},
  settled: () => {},
};

/** Objects of the World with what proxies have of them, kept up to date at the cost of what changes. */
export function createReports(options: ReportsOptions): Reports {
  const { clock, signal } = options;
  const reporter = createReporter(options);
  const objectReports = new ObjectReports(options);
  const objects = new Map<CollectionKey, KnownObject>();
  /** Objects that name credentials, by `secretOf`. */
  const byCredential = new Map<string, Set<KnownObject>>();
  /** Objects by their revision, the latest last; an object that has changed since is in it more than once. */
  let history: KnownObject[] = [];
  const due = new Set<KnownObject>();
  let revision = 0;
  /** Objects of this revision or later may be reported on differently. */
  let dueSince = Infinity;
  /** When all objects are to be checked, and when at the latest. */
  let [wholeAt, wholeBy] = [Infinity, Infinity];
  let isSettling = false;
  /** When the next turn begins. */
  let planned: { readonly time: number; cancel(): void } | undefined;
  let notBefore = 0;

  function onChange(since: number): void {
    if (since === 0) {
      const now = clock.now();
      wholeBy = Math.min(wholeBy, now + whole.mostMs);
      wholeAt = Math.min(wholeBy, now + whole.calmMs);
    } else dueSince = Math.min(dueSince, since);
    plan();
  }

  /** Shared by all proxies that reject the same. */
  let changed:
    { readonly since: number; readonly revision: number; readonly ids: ReadonlySet<CollectionKey> } | undefined;
  function changedSince(since: number): ReadonlySet<CollectionKey> | undefined {
    if (since === 0) return undefined;
    if (changed?.since === since && changed.revision === revision) return changed.ids;
    const ids = new Set<CollectionKey>();
    for (const { id } of latest(since)) if (ids.add(id).size > maxChanged) return undefined;
    changed = { since, revision, ids };
    return ids;
  }

  /** Objects of this revision or later, the latest first; one that has changed several times comes several times. */
  function* latest(since: number): Iterable<KnownObject> {
    for (let i = history.length - 1; i >= 0; i -= 1) {
      const object = history[i];
      if (!object || object.revision < since) return;
      yield object;
    }
  }

  function plan(): void {
    if (isSettling || signal.aborted) return;
    const now = clock.now();
    const isDue = dueSince !== Infinity || due.size > 0;
    const time = Math.max(now + turn.leastPauseMs, notBefore, isDue ? 0 : wholeAt);
    if (time === Infinity || (planned && planned.time <= time)) return;
    planned?.cancel();
    const cancel = clock.after(time - now, () => {
      planned = undefined;
      if (!isSettling) work();
    });
    planned = { time, cancel };
  }

  /** One turn. What is left of it is planned. */
  function work(): void {
    const started = clock.now();
    if (wholeAt <= started) [dueSince, wholeAt, wholeBy] = [0, Infinity, Infinity];
    for (const object of latest(dueSince)) due.add(object);
    dueSince = Infinity;
    const reports: ObjectReport[] = [];
    for (const object of due) {
      due.delete(object);
      // One that has changed or gone since then is not reported on by this version.
      if (objects.get(object.id) === object) reports.push(objectReports.of(object));
      if (clock.now() - started >= turn.ms) break;
    }
    if (reports.length > 0) reporter.update(reports, []);
    const ended = clock.now();
    notBefore = ended + turn.factor * (ended - started);
    plan();
  }

  /** Returns whether it was known. */
  function forget(id: CollectionKey): boolean {
    const known = objects.get(id);
    for (const name of known?.credentials ?? []) {
      const naming = byCredential.get(secretOf(name));
      if (known && naming?.delete(known) && naming.size === 0) byCredential.delete(secretOf(name));
    }
    return objects.delete(id);
  }

  function put(object: ReportedObject): void {
    const known = { ...object, id: idOf(object) };
    forget(known.id);
    objects.set(known.id, known);
    for (const name of known.credentials) {
      const naming = byCredential.get(secretOf(name));
      if (naming) naming.add(known);
      else byCredential.set(secretOf(name), new Set([known]));
    }
    history.push(known);
    if (history.length > 2 * objects.size + 1000) history = history.filter((each) => objects.get(each.id) === each);
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
        const named = namesCredentials.has(collection) ? credentialNames(resource.spec).map(({ name }) => name) : [];
        const credentials = named.length > 0 ? new Set(named) : noCredentials;
        put({ collection, key, version, revision, credentials, cells: cellsOf(collection, key) });
      }
      const gone = batch.delete.filter((object) => forget(idOf(object)));
      reporter.update([], gone);
      dueSince = Math.min(dueSince, revision);
      return revision;
    },
    credentialsChanged(names) {
      const naming = names ? [...names].map((name) => byCredential.get(secretOf(name)) ?? []) : byCredential.values();
      for (const known of naming) for (const object of known) due.add(object);
      if (due.size > 0) plan();
    },
    settled() {
      isSettling = false;
      plan();
    },
  };
}
