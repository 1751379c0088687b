import { createTokenBuckets, messageOf, printable, type Clock } from '@flotilla/std';
import { objectKey } from '@flotilla/model';
import { idOf, type CollectionKey } from '../encoded.ts';
import type { TakeReport } from '../port.ts';
import { answerToBytes, reportFromBytes } from './report-wire.ts';
import {
  maxReportBytes,
  reportCredentials,
  reportTexts,
  type ObjectRef,
  type ObjectReport,
  type Report,
  type ReportAnswer,
} from './report.ts';
import { lengthOf } from '../wire-key.ts';

/** What reporters may take of galley's memory, whatever they send. */
export interface ReportLimits {
  /** Pilots at a time. */
  readonly reportingPilots: number;
  /** Bytes of everything that is kept. */
  readonly reportBytes: number;
  /** Messages per second of one reporter; ten times as many in a burst. */
  readonly reportMessages: number;
}
export interface ReportStoreOptions {
  /** The session of this galley: reports for another one are not taken. */
  readonly session: string;
  readonly limits: ReportLimits;
  readonly clock: Clock;
  /** Called each time that a limit is hit. */
  readonly onLimit: (kind: keyof ReportLimits) => void;
  /** Called after each change. */
  readonly onChange?: () => void;
  /** Called when what is reported of unserved credentials may be different now. */
  readonly onUnserved?: () => void;
}
export interface ReceivedReport extends ObjectReport {
  /** When it was received, by the store's clock. */
  readonly receivedAt: number;
}
/** One pilot, as galley knows it. */
export interface ReportingPilot {
  readonly instance: string;
  /** Who it proved to be. */
  readonly reporter: string;
  readonly lastHeardAt: number;
  /** Reports that were left out because of a limit, since the last that was sent whole. */
  readonly leftOut: number;
  readonly reports: ReadonlyMap<CollectionKey, ReceivedReport>;
}
/** Galley's side of the way back: the latest that each pilot has said, bounded. */
export interface ReportStore {
  readonly take: TakeReport;
  /** Pilots that have sent everything once and have been heard of lately. */
  pilots(): readonly ReportingPilot[];
}

interface Pilot {
  readonly instance: string;
  readonly run: number;
  readonly reporter: string;
  seq: number;
  lastHeardAt: number;
  leftOut: number;
  /** What is in force; nothing until the first whole has ended. */
  reports: Map<CollectionKey, ReceivedReport> | undefined;
  /** A whole that has begun, and not ended yet. */
  gathered: Map<CollectionKey, ReceivedReport> | undefined;
  cancelExpiry: () => void;
}

const ttlMs = { least: 1000, most: 300_000 };
/** Of names, keys and versions. */
const maxText = 600;
/** What a report takes beside its texts, about. */
const overheadBytes = 200;
const sizeOf = ({ collection, key, version, errors, unserved }: ObjectReport): number =>
  overheadBytes * (1 + unserved.length) +
  2 * [collection, version, ...errors, ...unserved.map(({ name }) => name)].join('').length +
  2 * lengthOf(key);
const answers = {
  taken: answerToBytes({ kind: 'taken' }),
  resend: answerToBytes({ kind: 'resend' }),
};

/** Reports of all pilots. Texts are made printable and cut: what a reporter writes is not trusted. */
export function createReportStore(options: ReportStoreOptions): ReportStore {
  const { session, limits, clock, onLimit, onChange = () => {}, onUnserved = () => {} } = options;
  const pilots = new Map<string, Pilot>();
  let bytes = 0;
  const { reportMessages } = limits;
  const buckets = createTokenBuckets({ perSecond: reportMessages, burst: 10 * reportMessages, clock });

  function forget(reports: Iterable<ReceivedReport> | undefined): void {
    for (const report of reports ?? []) bytes -= sizeOf(report);
  }

  function remove(pilot: Pilot): void {
    pilot.cancelExpiry();
    forget(pilot.reports?.values());
    forget(pilot.gathered?.values());
    pilots.delete(pilot.instance);
    onChange();
    if (hasUnserved(pilot.reports?.values())) onUnserved();
  }

  function drop(from: Map<CollectionKey, ReceivedReport>, object: ObjectRef): void {
    const report = from.get(idOf(object));
    if (report && from.delete(idOf(object))) bytes -= sizeOf(report);
  }

  function put(pilot: Pilot, into: Map<CollectionKey, ReceivedReport>, report: ObjectReport): void {
    drop(into, report);
    if (bytes + sizeOf(report) <= limits.reportBytes) {
      bytes += sizeOf(report);
      into.set(idOf(report), { ...report, receivedAt: clock.now() });
    } else {
      pilot.leftOut += 1;
      onLimit('reportBytes');
    }
  }

  /** The pilot that a message is from; undefined when the message is not the next of what was received before. */
  function senderOf(report: Report, reporter: string): Pilot | 'full' | undefined {
    const { instance, run, seq, begins } = report;
    const known = pilots.get(instance);
    if (known?.run === run) {
      if (begins || seq === known.seq + 1) return known;
      return undefined;
    }
    if (!begins) return undefined;
    if (known) remove(known);
    if (pilots.size >= limits.reportingPilots) return 'full';
    const pilot: Pilot = {
      instance: printable(instance, maxText),
      run,
      reporter,
      seq,
      lastHeardAt: 0,
      leftOut: 0,
      reports: undefined,
      gathered: undefined,
      cancelExpiry: () => {},
    };
    pilots.set(instance, pilot);
    return pilot;
  }

  function receive(report: Report, reporter: string): ReportAnswer {
    const known = pilots.get(report.instance);
    if (report.instance === '' || report.instance.length > maxText)
      return { kind: 'refused', reason: 'the name of the instance is empty or too long' };
    if (known && report.run < known.run)
      return { kind: 'refused', reason: `a later run of ${known.instance} reports already` };
    if (known?.run === report.run && report.seq <= known.seq) return { kind: 'taken' };
    const pilot = senderOf(report, reporter);
    if (pilot === 'full') {
      onLimit('reportingPilots');
      return { kind: 'refused', reason: `${limits.reportingPilots} pilots report already` };
    }
    if (!pilot) return { kind: 'resend' };
    take(pilot, report);
    return { kind: 'taken' };
  }

  function take(pilot: Pilot, report: Report): void {
    pilot.seq = report.seq;
    pilot.lastHeardAt = clock.now();
    pilot.cancelExpiry();
    pilot.cancelExpiry = clock.after(Math.min(Math.max(report.ttlMs, ttlMs.least), ttlMs.most), () => remove(pilot));
    if (report.begins) {
      forget(pilot.gathered?.values());
      [pilot.gathered, pilot.leftOut] = [new Map(), 0];
    }
    const into = pilot.gathered ?? pilot.reports ?? new Map<CollectionKey, ReceivedReport>();
    const before = [...report.put, ...report.delete].flatMap((object) => into.get(idOf(boundedId(object))) ?? []);
    let isUnservedNew = !pilot.gathered && (hasUnserved(report.put) || hasUnserved(before));
    for (const each of report.put) put(pilot, into, boundedReport(each));
    for (const object of report.delete) drop(into, boundedId(object));
    if (report.ends && pilot.gathered) {
      isUnservedNew = hasUnserved(pilot.gathered.values()) || hasUnserved(pilot.reports?.values());
      forget(pilot.reports?.values());
      [pilot.reports, pilot.gathered] = [pilot.gathered, undefined];
    }
    onChange();
    if (isUnservedNew) onUnserved();
  }

  return {
    take(message, reporter) {
      if (buckets.take(reporter) > 0) {
        onLimit('reportMessages');
        return answerToBytes({ kind: 'refused', reason: `more than ${reportMessages} messages per second` });
      }
      if (message.length > maxReportBytes)
        return answerToBytes({ kind: 'refused', reason: 'the message is too large' });
      try {
        const report = reportFromBytes(message);
        if (report.session !== session) return undefined;
        const answer = receive(report, reporter);
        return answer.kind === 'taken' || answer.kind === 'resend' ? answers[answer.kind] : answerToBytes(answer);
      } catch (error) {
        return answerToBytes({ kind: 'refused', reason: printable(messageOf(error)) });
      }
    },
    pilots: () => [...pilots.values()].flatMap(({ reports, ...pilot }) => (reports ? [{ ...pilot, reports }] : [])),
  };
}

const hasUnserved = (reports: Iterable<ObjectReport> | undefined): boolean =>
  [...(reports ?? [])].some(({ unserved }) => unserved.length > 0);

/** Names of galley's own objects are shorter than the bound. */
const boundedId = ({ collection, key }: ObjectRef): ObjectRef => ({
  collection: printable(collection, maxText) as ObjectRef['collection'],
  key: objectKey({
    cluster: printable(key.cluster, maxText),
    namespace: printable(key.namespace, maxText),
    name: printable(key.name, maxText),
  }),
});
const boundedReport = ({ version, errors, unserved, ...report }: ObjectReport): ObjectReport => ({
  ...report,
  ...boundedId(report),
  version: printable(version, maxText),
  errors: errors.slice(0, reportTexts.perObject).map((text) => printable(text, reportTexts.characters)),
  unserved: unserved
    .slice(0, reportCredentials.perObject)
    .map(({ name, reason }) => ({ name: printable(name, reportCredentials.characters), reason })),
});
