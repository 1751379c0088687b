import { describe, expect, it } from 'vitest';
import {
  answerFromBytes,
  createReporter,
  createReportStore,
  maxReportBytes,
  reportToBytes,
  type ObjectReport,
  type Report,
  type ReportAnswer,
  type Reporter,
  type ReportLimits,
  type ReportReceiver,
  type ReportSender,
  type ReportStore,
} from '@flotilla/bus-port';
import type { UnservedCredential } from '@flotilla/model';
import { systemClock } from '@flotilla/std';
import { testKey } from './bus-contract.ts';
import { createManualClock, type ManualClock } from './manual-clock.ts';

/** Both ends of the way back. */
export interface TestReports extends ReportSender, ReportReceiver {
  /** Whom the transport says that reports are from. */
  readonly reporter: string;
  close(): Promise<void>;
}

const object = (name: string, acknowledged = 1, errors: readonly string[] = []): ObjectReport => ({
  collection: 'virtual-services',
  key: testKey(name),
  version: '1',
  concerned: 3,
  acknowledged,
  rejected: errors.length,
  errors,
  unserved: [],
});
const message = (seq: number, more: Partial<Report> = {}): Uint8Array =>
  reportToBytes({
    instance: 'pilot-1',
    run: 1,
    session: 's1',
    seq,
    begins: false,
    ends: false,
    put: [],
    delete: [],
    ttlMs: 30_000,
    ...more,
  });

/** Galley's end under test: a store whose changes can be awaited. */
class TestStore {
  readonly clock: ManualClock = createManualClock();
  readonly limits: string[] = [];
  readonly store: ReportStore;
  /** What there was of unserved credentials each time that they changed. */
  readonly unserved: (readonly UnservedCredential[])[] = [];
  #changed = Promise.withResolvers<null>();

  constructor(session: string, limits: Partial<ReportLimits> = {}) {
    this.store = createReportStore({
      session,
      limits: { reportingPilots: 3, reportBytes: 1 << 20, reportMessages: 1000, ...limits },
      clock: this.clock,
      onLimit: (kind) => this.limits.push(kind),
      onUnserved: () =>
        this.unserved.push(
          this.store.pilots().flatMap(({ reports }) => [...reports.values()].flatMap(({ unserved }) => unserved)),
        ),
      onChange: () => {
        this.#changed.resolve(null);
        this.#changed = Promise.withResolvers();
      },
    });
  }

  /** What each pilot has said: `name acknowledged/concerned`. */
  get said(): Record<string, string[]> {
    return Object.fromEntries(
      this.store
        .pilots()
        .map(({ instance, reports }) => [
          instance,
          [...reports.values()]
            .map(({ key, acknowledged, concerned }) => `${key.namespace}/${key.name} ${acknowledged}/${concerned}`)
            .sort(),
        ]),
    );
  }

  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await this.#changed.promise;
  }
}

/** The contract of the way back over all transports. `open` gives both ends, connected. */
export function describeReports(name: string, open: () => Promise<TestReports>): void {
  describe(`reports: ${name}`, () => {
    interface Context {
      readonly reports: TestReports;
      /** A pilot's reporter that follows session `s1`; `sender` stands between it and the transport. */
      start(sender?: ReportSender): Reporter;
      send(bytes: Uint8Array): Promise<ReportAnswer['kind']>;
    }
    const withReports = (test: (context: Context) => Promise<void>) => async (): Promise<void> => {
      const reports = await open();
      const stop = new AbortController();
      const { signal } = stop;
      const ended: Promise<void>[] = [];
      try {
        await test({
          reports,
          start: (sender = reports) => {
            const reporter = createReporter({
              sender,
              instance: 'pilot-1',
              clock: systemClock,
              signal,
              onProblem: () => {},
            });
            reporter.follow('s1');
            ended.push(reporter.ended);
            return reporter;
          },
          send: async (bytes) => answerFromBytes(await reports.report(bytes, signal)).kind,
        });
      } finally {
        stop.abort();
        await Promise.all(ended);
        await reports.close();
      }
    };

    it(
      'what a pilot reports is with galley: first all, then what has changed; from whom the transport says',
      withReports(async ({ reports, start }) => {
        const galley = new TestStore('s1');
        reports.onReport(galley.store.take);
        const reporter = start();
        reporter.update([object('a', 0), object('b')], []);
        await galley.until(() => galley.said['pilot-1']?.length === 2);
        reporter.update([object('a', 3)], [object('b')]);
        await galley.until(() => galley.said['pilot-1']?.length === 1);
        expect(galley.said).toEqual({ 'pilot-1': ['shop/a 3/3'] });
        expect(galley.store.pilots().map(({ reporter: reporterName }) => reporterName)).toEqual([reports.reporter]);
      }),
    );

    it(
      'reports larger than a message travel in several, and take effect together',
      withReports(async ({ reports, start }) => {
        const galley = new TestStore('s1', { reportBytes: 64 << 20 });
        let smallest = Infinity;
        reports.onReport((bytes, reporter) => {
          const answer = galley.store.take(bytes, reporter);
          for (const pilot of galley.store.pilots()) smallest = Math.min(smallest, pilot.reports.size);
          return answer;
        });
        start().update(
          Array.from({ length: 5000 }, (_, i) => object(`object-${i}`, 1, ['x'.repeat(100)])),
          [],
        );
        await galley.until(() => galley.said['pilot-1']?.length === 5000);
        expect(smallest).toBe(5000);
      }),
    );

    it(
      'a message that arrives twice, or late, changes nothing',
      withReports(async ({ reports, send }) => {
        const galley = new TestStore('s1');
        reports.onReport(galley.store.take);
        const first = message(1, { begins: true, ends: true, put: [object('a', 1)] });
        expect(await send(first)).toBe('taken');
        expect(await send(message(2, { put: [object('a', 2)] }))).toBe('taken');
        expect(await send(first)).toBe('taken');
        expect(await send(message(2, { put: [object('a', 0)] }))).toBe('taken');
        expect(galley.said).toEqual({ 'pilot-1': ['shop/a 2/3'] });
      }),
    );

    it(
      'after a gap galley wants everything, and takes nothing else',
      withReports(async ({ reports, send }) => {
        const galley = new TestStore('s1');
        reports.onReport(galley.store.take);
        expect(await send(message(5, { put: [object('a')] }))).toBe('resend');
        expect(await send(message(6, { begins: true, put: [object('b')] }))).toBe('taken');
        expect(galley.said).toEqual({});
        expect(await send(message(7, { ends: true, put: [object('c')] }))).toBe('taken');
        expect(await send(message(9, { put: [object('d')] }))).toBe('resend');
        expect(galley.said).toEqual({ 'pilot-1': ['shop/b 1/3', 'shop/c 1/3'] });
      }),
    );

    it.each(['before it reaches galley', 'on the way back'])(
      'a message that is lost %s is made up for by sending everything',
      (where) =>
        withReports(async ({ reports, start }) => {
          const galley = new TestStore('s1');
          reports.onReport(galley.store.take);
          let lose = false;
          const reporter = start({
            report: async (bytes, signal) => {
              const isLost = lose;
              lose = false;
              if (isLost && where.startsWith('before')) throw new Error('lost');
              const answer = await reports.report(bytes, signal);
              if (isLost) throw new Error('lost');
              return answer;
            },
          });
          reporter.update([object('a'), object('b')], []);
          await galley.until(() => galley.said['pilot-1']?.length === 2);
          lose = true;
          reporter.update([object('a', 2)], []);
          reporter.update([object('c')], [object('b')]);
          await galley.until(() => galley.said['pilot-1']?.join() === 'shop/a 2/3,shop/c 1/3');
        })(),
    );

    it(
      'galley notices what only it can: a message that its pilot believes to be taken',
      withReports(async ({ reports, start }) => {
        const galley = new TestStore('s1');
        reports.onReport(galley.store.take);
        let swallow = false;
        let taken: Uint8Array | undefined;
        const reporter = start({
          report: async (bytes, signal) => {
            if (swallow && taken) {
              swallow = false;
              return taken;
            }
            return (taken = await reports.report(bytes, signal));
          },
        });
        reporter.update([object('a'), object('b')], []);
        await galley.until(() => galley.said['pilot-1']?.length === 2);
        swallow = true;
        reporter.update([object('a', 2)], []);
        while (swallow) await new Promise(setImmediate);
        reporter.update([object('b', 3)], []);
        await galley.until(() => galley.said['pilot-1']?.join() === 'shop/a 2/3,shop/b 3/3');
      }),
    );

    it(
      'a new session of galley is sent everything; reports for another session are not taken',
      withReports(async ({ reports, start }) => {
        const before = new TestStore('s1');
        reports.onReport(before.store.take);
        const reporter = start();
        reporter.update([object('a'), object('b')], []);
        await before.until(() => before.said['pilot-1']?.length === 2);
        const after = new TestStore('s2');
        reports.onReport(after.store.take);
        reporter.update([object('a', 2)], []);
        reporter.follow('s2');
        await after.until(() => after.said['pilot-1'] !== undefined);
        expect(after.said).toEqual({ 'pilot-1': ['shop/a 2/3', 'shop/b 1/3'] });
        expect(before.said).toEqual({ 'pilot-1': ['shop/a 1/3', 'shop/b 1/3'] });
      }),
    );

    it(
      'a pilot that is not heard of is gone; a later run takes the place of an earlier one, never the reverse',
      withReports(async ({ reports, send }) => {
        const galley = new TestStore('s1');
        reports.onReport(galley.store.take);
        const whole = { begins: true, ends: true };
        await send(message(1, { ...whole, put: [object('a')] }));
        await send(message(1, { ...whole, instance: 'pilot-2', ttlMs: 60_000, put: [object('b')] }));
        galley.clock.advance(29_999);
        await send(message(2));
        galley.clock.advance(29_999);
        expect(Object.keys(galley.said)).toEqual(['pilot-1', 'pilot-2']);
        galley.clock.advance(2);
        expect(Object.keys(galley.said)).toEqual([]);
        expect(await send(message(3))).toBe('resend');
        await send(message(1, { ...whole, run: 2, put: [object('c')] }));
        expect(await send(message(4, { ...whole, put: [object('a')] }))).toBe('refused');
        expect(await send(message(2, { run: 3, put: [object('a')] }))).toBe('resend');
        expect(galley.said).toEqual({ 'pilot-1': ['shop/c 1/3'] });
      }),
    );

    it(
      'the latest of each object arrives, in the order in which it was reported',
      withReports(async ({ reports, start }) => {
        const galley = new TestStore('s1');
        const seen: number[] = [];
        reports.onReport((bytes, reporter) => {
          const answer = galley.store.take(bytes, reporter);
          for (const pilot of galley.store.pilots())
            for (const report of pilot.reports.values()) seen.push(report.acknowledged);
          return answer;
        });
        const reporter = start();
        for (let i = 0; i <= 300; i += 1) {
          reporter.update([object('a', i)], []);
          if (i % 10 === 0) await new Promise(setImmediate);
        }
        await galley.until(() => seen.at(-1) === 300);
        expect(seen).toEqual(seen.toSorted((a, b) => a - b));
      }),
    );

    it(
      'no reporter takes more of galley than the limits allow, whatever it sends',
      withReports(async ({ reports, send }) => {
        const reportBytes = 20_000;
        const galley = new TestStore('s1', { reportBytes });
        reports.onReport(galley.store.take);
        const hostile = {
          ...object('x'.repeat(50_000), 1, Array<string>(30).fill('\u001b[2J'.repeat(1000))),
          version: 'v'.repeat(9000),
          unserved: Array<UnservedCredential>(30).fill({ name: '\u001b[2J'.repeat(500), reason: 'not found' }),
        };
        expect(await send(message(1, { begins: true, put: [hostile] }))).toBe('taken');
        for (let i = 2; i < 100; i += 1)
          await send(message(i, { put: Array.from({ length: 50 }, (_, k) => object(`${i}-${k}`)) }));
        await send(message(100, { ends: true }));
        for (const instance of ['b', 'c', 'd', 'e'])
          await send(message(1, { instance, begins: true, ends: true, put: [object(instance)] }));
        const pilots = galley.store.pilots();
        const text = JSON.stringify(pilots.map(({ reports: kept, ...pilot }) => [pilot, [...kept]]));
        expect(pilots.map(({ instance }) => instance)).toEqual(['pilot-1', 'b', 'c']);
        expect(text.length).toBeLessThan(2 * reportBytes);
        expect(text).not.toContain('\u001b');
        expect(pilots[0]?.leftOut).toBeGreaterThan(4000);
        expect(new Set(galley.limits)).toEqual(new Set(['reportBytes', 'reportingPilots']));
        expect(await send(message(101, { instance: 'x'.repeat(10_000) }))).toBe('refused');
        expect(await send(new Uint8Array(maxReportBytes + 1))).toBe('refused');
        expect(await send(Buffer.from('this is not a report'))).toBe('refused');
      }),
    );

    it(
      'a flood of messages is refused unread, until there is time again',
      withReports(async ({ reports, send }) => {
        const galley = new TestStore('s1', { reportMessages: 2 });
        reports.onReport(galley.store.take);
        await send(message(1, { begins: true, ends: true, put: [object('a')] }));
        const answers: string[] = [];
        for (let seq = 2; seq < 30; seq += 1) answers.push(await send(message(seq)));
        expect([answers.filter((answer) => answer === 'taken').length, answers.at(-1)]).toEqual([19, 'refused']);
        galley.clock.advance(1000);
        expect(await send(message(21))).toBe('taken');
      }),
    );

    it(
      'credentials that proxies do not get are told apart by their reason, and galley notices each change of them',
      withReports(async ({ reports, start }) => {
        const galley = new TestStore('s1');
        reports.onReport(galley.store.take);
        const unserved: readonly UnservedCredential[] = [
          { name: 'a', reason: 'not found' },
          { name: 'b', reason: 'not allowed' },
          { name: 'other/c', reason: 'other namespace' },
          { name: 'D', reason: 'not a name' },
        ];
        const reporter = start();
        reporter.update([{ ...object('gateway'), unserved }, object('route')], []);
        await galley.until(() => galley.unserved.length > 0);
        expect(galley.unserved).toEqual([unserved]);
        reporter.update([object('route', 2)], []);
        await galley.until(() => galley.said['pilot-1']?.includes('shop/route 2/3') === true);
        expect(galley.unserved).toEqual([unserved]);
        reporter.update([object('gateway')], []);
        await galley.until(() => galley.unserved.length > 1);
        expect(galley.unserved).toEqual([unserved, []]);
      }),
    );

    it(
      'what a pilot no longer reports is free for others',
      withReports(async ({ reports, send }) => {
        const galley = new TestStore('s1', { reportBytes: 3000 });
        reports.onReport(galley.store.take);
        const many = Array.from({ length: 5 }, (_, i) => object(`a${i}`));
        for (let seq = 1; seq < 50; seq += 1) {
          await send(message(2 * seq - 1, { begins: true, ends: true, put: many }));
          await send(message(2 * seq, { put: [object('b')], delete: many }));
        }
        expect([galley.said, galley.limits]).toEqual([{ 'pilot-1': ['shop/b 1/3'] }, []]);
      }),
    );
  });
}
