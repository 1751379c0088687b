import {
  createReportStore,
  idOf,
  type CollectionKey,
  type ObjectRef,
  type ReportLimits,
  type ReportReceiver,
} from '@flotilla/bus-port';
import type { UnservedCredential } from '@flotilla/model';
import { createLimits, type Metrics } from '@flotilla/observability-port';
import type { Clock } from '@flotilla/std';
import { reportsOf, type ObjectsPage, type SourceOfObjects } from './reports-page.ts';

/** Where pilots' reports come from, and what they may take of galley. */
export interface ReportsOptions {
  readonly receiver: ReportReceiver;
  readonly limits: ReportLimits;
  /** Called after each change of what pilots report. */
  readonly onChange?: () => void;
}
/** Where nobody reports. */
export const noReports: ReportsOptions = {
  receiver: { onReport: () => {} },
  limits: { reportingPilots: 0, reportBytes: 0, reportMessages: 1 },
};
/** What pilots report of what galley has published. */
export interface Reports {
  /** A new session of galley: pilots report again. `onUnserved` is called when `unserved` may be different. */
  begin(session: string, onUnserved: () => void): void;
  /** Credentials that objects name and proxies do not get, as any pilot reports it. */
  unserved(): Iterable<readonly [ObjectRef, readonly UnservedCredential[]]>;
  /** What there is now; without pilots before the first session. */
  show(source: SourceOfObjects): ObjectsPage;
}

export function createReports(
  { receiver, limits, onChange = () => {} }: ReportsOptions,
  { metrics, clock }: { readonly metrics: Metrics; readonly clock: Clock },
): Reports {
  const limitHit = createLimits(metrics, ['reporting_pilots', 'report_bytes', 'report_messages']);
  const kinds = {
    reportingPilots: 'reporting_pilots',
    reportBytes: 'report_bytes',
    reportMessages: 'report_messages',
  } as const;
  let store: ReturnType<typeof createReportStore> | undefined;
  return {
    begin(session, onUnserved) {
      const onLimit = (kind: keyof ReportLimits): void => limitHit(kinds[kind]);
      store = createReportStore({ session, limits, clock, onLimit, onChange, onUnserved });
      receiver.onReport(store.take);
    },
    unserved() {
      const found = new Map<
        CollectionKey,
        { readonly object: ObjectRef; readonly all: Map<string, UnservedCredential> }
      >();
      for (const { reports } of store?.pilots() ?? [])
        for (const object of reports.values()) {
          if (object.unserved.length === 0) continue;
          const { all } = found.get(idOf(object)) ?? { all: new Map<string, UnservedCredential>() };
          for (const one of object.unserved) all.set(one.name, one);
          found.set(idOf(object), { object, all });
        }
      return [...found.values()].map(({ object, all }) => [object, [...all.values()]]);
    },
    show: (source) => reportsOf(store?.pilots() ?? [], { source, now: clock.now() }),
  };
}
