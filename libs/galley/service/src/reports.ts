import { createReportStore, type ReportLimits, type ReportReceiver } from '@flotilla/bus-port';
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
  /** A new session of galley: pilots report again. */
  begin(session: string): void;
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
    begin(session) {
      store = createReportStore({ session, limits, clock, onLimit: (kind) => limitHit(kinds[kind]), onChange });
      receiver.onReport(store.take);
    },
    show: (source) => reportsOf(store?.pilots() ?? [], { source, now: clock.now() }),
  };
}
