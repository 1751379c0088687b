import { deepEqual, messageOf, type Clock } from '@flotilla/std';
import { idOf, type CollectionKey } from '../encoded.ts';
import type { ReportSender } from '../port.ts';
import { answerFromBytes, reportToBytes } from './report-wire.ts';
import { maxReportBytes, type ObjectRef, type ObjectReport, type Report } from './report.ts';
import { lengthOf } from '../wire-key.ts';

export interface ReporterOptions {
  readonly sender: ReportSender;
  /** Which pilot this is: its pod's or host's name. */
  readonly instance: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Receives why galley does not have the reports; sending goes on by itself. */
  readonly onProblem: (message: string) => void;
  /** Galley forgets this pilot when it hears nothing for so long. */
  readonly ttlMs?: number;
}
/** Pilot's side of the way back: holds what there is to report, and sends what has changed. */
export interface Reporter {
  /**
   * What is said of objects from now on, and objects of which nothing is said any more. What is said already is not
   * sent again.
   */
  update(put: Iterable<ObjectReport>, gone: Iterable<ObjectRef>): void;
  /** The session of galley whose objects are reported on. Another session is sent everything. */
  follow(session: string): void;
  /** Resolves when the signal has aborted. */
  readonly ended: Promise<void>;
}

const retryMs = { first: 100, most: 5000 };
/** How long galley may take to answer. */
const answerMs = 5000;
/** A message is closed with so many bytes of objects: with one object more it is below what galley takes. */
const messageBytes = maxReportBytes / 2;
const sizeOf = ({ key, errors, unserved }: ObjectReport): number =>
  80 + 3 * (lengthOf(key) + [...errors, ...unserved.map(({ name }) => name)].join('1234').length);

/**
 * One message is under way at a time; what changes meanwhile is sent with the next one, the latest of each object.
 *
 *   silent ──(a session to follow)──▶ all is sent ──▶ changes, or a sign of life
 *                                        ▲                │
 *                                        └────────────────┘ no answer, `resend`, or another session
 */
export function createReporter(options: ReporterOptions): Reporter {
  const { sender, instance, clock, signal, onProblem, ttlMs = 30_000 } = options;
  const run = clock.now();
  const reports = new Map<CollectionKey, ObjectReport>();
  const changed = new Map<CollectionKey, ObjectRef>();
  let session: string | undefined;
  let seq = 0;
  let isAllDue = true;
  /** Ends the rest between messages, and the pause after a failure. */
  let [wake, hurry] = [(): void => {}, (): void => {}];

  /** Rejects unless galley has taken it. */
  async function send(part: Pick<Report, 'put' | 'delete'> & Partial<Report>): Promise<void> {
    seq += 1;
    const message = { begins: false, ends: false, ...part, instance, run, session: session ?? '', seq, ttlMs };
    const late = new AbortController();
    const cancel = clock.after(answerMs, () => late.abort(new Error('galley does not answer')));
    const answered = sender.report(reportToBytes(message), AbortSignal.any([signal, late.signal]));
    const answer = answerFromBytes(await answered.finally(cancel));
    if (answer.kind === 'taken') return;
    throw new Error(answer.kind === 'refused' ? answer.reason : `galley answered: ${answer.kind}`);
  }

  /** What is known of these objects, in messages of bounded size. The last may be empty. */
  function* messagesOf(ids: Iterable<readonly [CollectionKey, ObjectRef]>): Generator<Pick<Report, 'put' | 'delete'>> {
    let [put, gone, bytes]: [ObjectReport[], ObjectRef[], number] = [[], [], 0];
    for (const [id, object] of ids) {
      const report = reports.get(id);
      if (report) put.push(report);
      else gone.push(object);
      bytes += report ? sizeOf(report) : 3 * lengthOf(object.key);
      if (bytes < messageBytes) continue;
      yield { put, delete: gone };
      [put, gone, bytes] = [[], [], 0];
    }
    yield { put, delete: gone };
  }

  async function sendAll(): Promise<void> {
    changed.clear();
    let begins = true;
    for (const part of messagesOf([...reports])) {
      await send({ ...part, begins });
      begins = false;
    }
    await send({ put: [], delete: [], ends: true });
    isAllDue = false;
  }

  async function sendChanges(): Promise<void> {
    const ids = [...changed];
    changed.clear();
    for (const part of messagesOf(ids)) await send(part);
  }

  /** Resolves after a time, or when one of the signals aborts. */
  async function rest(ms: number, ...ends: readonly AbortSignal[]): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<null>();
    const ended = AbortSignal.any([signal, ...ends]);
    const cancel = clock.after(ms, () => resolve(null));
    ended.addEventListener('abort', () => resolve(null), { once: true });
    if (!ended.aborted) await promise;
    cancel();
  }

  const isDue = (): boolean => isAllDue || changed.size > 0;

  async function loop(): Promise<void> {
    let wait = retryMs.first;
    while (!signal.aborted) {
      const [woken, hurried] = [new AbortController(), new AbortController()];
      [wake, hurry] = [() => woken.abort(), () => hurried.abort()];
      const followed = session;
      try {
        if (followed !== undefined) await (isAllDue ? sendAll() : sendChanges());
        wait = retryMs.first;
        if (session !== followed) isAllDue = true;
        else if (followed === undefined || !isDue()) await rest(ttlMs / 3, woken.signal);
      } catch (error) {
        if (signal.aborted) return;
        // Galley may have taken the message or not.
        isAllDue = true;
        onProblem(`reports: ${messageOf(error)}`);
        await rest(wait, hurried.signal);
        wait = Math.min(wait * 2, retryMs.most);
      }
    }
  }

  return {
    update(put, gone) {
      for (const report of put) {
        if (deepEqual(reports.get(idOf(report)), report)) continue;
        reports.set(idOf(report), report);
        changed.set(idOf(report), report);
      }
      for (const object of gone) if (reports.delete(idOf(object))) changed.set(idOf(object), object);
      if (changed.size > 0) wake();
    },
    follow(next) {
      if (next === session) return;
      [session, isAllDue] = [next, true];
      wake();
      hurry();
    },
    ended: loop(),
  };
}
