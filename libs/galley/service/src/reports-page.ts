import { idOf, type CollectionKey, type ReceivedReport, type ReportingPilot } from '@flotilla/bus-port';
import { describeOrigin, kinds, type ObjectId, type Origin } from '@flotilla/model';
import { jsonAnswer, type Page } from '@flotilla/observability-port';
import { sortedBy } from '@flotilla/std';

/** Galley's own knowledge of objects. */
export interface SourceOfObjects {
  originOf(id: ObjectId, generation: string): Origin | undefined;
}
/** One pilot's report about an object. */
export interface PilotOfObject {
  readonly pilot: string;
  readonly generation: number | string;
  /** Proxies that were sent a resource which read the object; the rest has not answered yet. */
  readonly concerned: number;
  readonly acknowledged: number;
  readonly rejected: number;
  readonly errors: readonly string[];
  /** When the pilot first reported this. */
  readonly ageSeconds: number;
}
export interface ObjectOfReports {
  readonly cluster: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** `mesh.yaml:12`; absent where no version that galley knows is reported on. */
  readonly origin?: string;
  readonly pilots: readonly PilotOfObject[];
}
export interface ObjectsPage {
  readonly pilots: readonly {
    readonly pilot: string;
    readonly identity: string;
    readonly lastHeardSeconds: number;
    readonly objects: number;
    /** Reports for which galley had no room. */
    readonly leftOut?: number;
  }[];
  readonly objects: readonly ObjectOfReports[];
  /** How many objects are not shown. */
  readonly more?: number;
}

/** Enough to begin with: what was rejected first, then what was not answered by all. */
const maxShown = 1000;
const kindNames: ReadonlyMap<string, string> = new Map([
  ...kinds.map(({ collection, kind }) => [collection, kind] as const),
  ['mesh-config', 'MeshConfig'],
  ['mesh-networks', 'MeshNetworks'],
]);
const seconds = (ms: number): number => Math.max(0, Math.round(ms / 100) / 10);
/** Generations of the API server are numbers; of files they are hashes. */
const generationIn = (text: string): number | string => (/^\d{1,15}$/.test(text) ? Number(text) : text);

interface Said {
  readonly pilot: ReportingPilot;
  readonly report: ReceivedReport;
}
/** 0: somebody rejected it; 1: not everybody has answered; 2: in force everywhere; 3: it concerns no proxy. */
function urgencyOf(said: readonly Said[]): number {
  if (said.some(({ report }) => report.rejected > 0)) return 0;
  if (said.some(({ report }) => report.acknowledged < report.concerned)) return 1;
  return said.some(({ report }) => report.concerned > 0) ? 2 : 3;
}

/** The reports of all pilots, by object. */
export function reportsOf(
  pilots: readonly ReportingPilot[],
  { source, now }: { readonly source: SourceOfObjects; readonly now: number },
): ObjectsPage {
  const byObject = new Map<CollectionKey, [Said, ...Said[]]>();
  for (const pilot of pilots)
    for (const report of pilot.reports.values()) {
      const earlier = byObject.get(idOf(report));
      if (earlier) earlier.push({ pilot, report });
      else byObject.set(idOf(report), [{ pilot, report }]);
    }
  const all = sortedBy([...byObject.values()], urgencyOf);
  const more = Math.max(0, all.length - maxShown);
  return {
    pilots: pilots.map(({ instance, reporter, lastHeardAt, leftOut, reports }) => ({
      pilot: instance,
      identity: reporter,
      lastHeardSeconds: seconds(now - lastHeardAt),
      objects: reports.size,
      ...(leftOut > 0 ? { leftOut } : {}),
    })),
    objects: all.slice(0, maxShown).map((said) => objectOf(said, source, now)),
    ...(more > 0 ? { more } : {}),
  };
}

function objectOf(said: readonly [Said, ...Said[]], source: SourceOfObjects, now: number): ObjectOfReports {
  const { collection, key } = said[0].report;
  const id = { cluster: key.cluster, collection, key };
  let origin: Origin | undefined;
  for (const { report } of said) origin ??= source.originOf(id, report.version);
  return {
    cluster: key.cluster,
    kind: kindNames.get(collection) ?? collection,
    namespace: key.namespace,
    name: key.name,
    ...(origin ? { origin: describeOrigin(origin) } : {}),
    pilots: said.map(({ pilot, report }) => ({
      pilot: pilot.instance,
      generation: generationIn(report.version),
      concerned: report.concerned,
      acknowledged: report.acknowledged,
      rejected: report.rejected,
      errors: report.errors,
      ageSeconds: seconds(now - report.receivedAt),
    })),
  };
}

/** /debug/reports. */
export const reportsPage = (reports: () => ObjectsPage): Page => ({
  summary: 'how many proxies each object concerns, and how many have acknowledged or rejected it',
  answer: () => jsonAnswer(reports()),
});
