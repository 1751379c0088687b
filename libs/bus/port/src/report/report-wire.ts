import { flotilla } from '@flotilla/proto-gen/bus';
import type { Collection, UnservedCredential, UnservedReason } from '@flotilla/model';
import { checkFormat, thisWriter } from '../format.ts';
import { keyFromWire, keyToWire, type WireKey } from '../wire-key.ts';
import type { ObjectRef, ObjectReport, Report, ReportAnswer } from './report.ts';

const { Format, Report: Message, ReportAnswer: Answer, UnservedCredential: Unserved } = flotilla.bus.v1;
const { Kind } = Answer;

const reasons: Readonly<Record<UnservedReason, flotilla.bus.v1.UnservedCredential.Reason>> = {
  'not found': Unserved.Reason.NOT_FOUND,
  'not allowed': Unserved.Reason.NOT_ALLOWED,
  'other namespace': Unserved.Reason.OTHER_NAMESPACE,
  'not a name': Unserved.Reason.NOT_A_NAME,
};
/** Reasons of a later version are left out. */
const unservedOf = ({ name, reason }: flotilla.bus.v1.IUnservedCredential): readonly UnservedCredential[] =>
  (Object.keys(reasons) as UnservedReason[])
    .filter((known) => reasons[known] === reason)
    .map((known) => ({ name: name ?? '', reason: known }));

/** A report as flotilla.bus.v1.Report. */
export const reportToBytes = ({ put, delete: gone, ...head }: Report): Uint8Array =>
  Message.encode({
    ...head,
    ...thisWriter.format,
    put: put.map(({ key, errors, unserved, ...object }) => ({
      ...object,
      key: keyToWire(key),
      errors: [...errors],
      unserved: unserved.map(({ name, reason }) => ({ name, reason: reasons[reason] })),
    })),
    delete: gone.map(({ collection, key }) => ({ collection, key: keyToWire(key) })),
  }).finish();

const idOf = ({ collection, key }: { collection?: string | null; key?: WireKey | null }): ObjectRef => ({
  collection: (collection ?? '') as Collection,
  key: keyFromWire(key),
});

/**
 * The report in these bytes; throws when they are not a report, and FormatError when it is one of another major format.
 * Texts and numbers are as the sender wrote them.
 */
export function reportFromBytes(bytes: Uint8Array): Report {
  const { major, minor } = Format.decode(bytes);
  checkFormat({ major: major ?? 0, minor: minor ?? 0 }, 'pilot');
  const { instance, run, session, seq, begins, ends, put, delete: gone, ttlMs } = Message.decode(bytes);
  return {
    instance: instance ?? '',
    run: Number(run),
    session: session ?? '',
    seq: Number(seq),
    begins: begins ?? false,
    ends: ends ?? false,
    put: (put ?? []).map(
      ({ version, concerned, acknowledged, rejected, errors, unserved, ...object }): ObjectReport => ({
        ...idOf(object),
        version: version ?? '',
        concerned: concerned ?? 0,
        acknowledged: acknowledged ?? 0,
        rejected: rejected ?? 0,
        errors: errors ?? [],
        unserved: (unserved ?? []).flatMap(unservedOf),
      }),
    ),
    delete: (gone ?? []).map(idOf),
    ttlMs: ttlMs ?? 0,
  };
}

const kinds = [
  ['not here', Kind.NOT_HERE],
  ['taken', Kind.TAKEN],
  ['resend', Kind.RESEND],
] as const;

/** An answer as flotilla.bus.v1.ReportAnswer. */
export const answerToBytes = (answer: ReportAnswer): Uint8Array =>
  Answer.encode(
    answer.kind === 'refused'
      ? { kind: Kind.REFUSED, reason: answer.reason }
      : { kind: kinds.find(([kind]) => kind === answer.kind)?.[1] ?? Kind.NOT_HERE },
  ).finish();

/** The answer in these bytes; throws when they are not an answer. */
export function answerFromBytes(bytes: Uint8Array): ReportAnswer {
  const { kind, reason } = Answer.decode(bytes);
  const known = kinds.find(([, number]) => number === (kind ?? Kind.NOT_HERE))?.[0];
  return known ? { kind: known } : { kind: 'refused', reason: reason || 'galley gives no reason' };
}
