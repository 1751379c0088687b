import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Fields } from '@flotilla/observability-port';
import { createLogger, parseLogLevels, type LoggerOptions } from './logs.ts';
import { createMetrics } from './metrics.ts';

/** A clock that only the test moves. */
function createClock() {
  let now = Date.UTC(2026, 0, 1);
  let timers: { at: number; callback: () => void }[] = [];
  return {
    now: () => now,
    after: (ms: number, callback: () => void) => {
      const timer = { at: now + ms, callback };
      timers.push(timer);
      return () => void (timers = timers.filter((one) => one !== timer));
    },
    pass(ms: number) {
      now += ms;
      const due = timers.filter(({ at }) => at <= now);
      timers = timers.filter(({ at }) => at > now);
      for (const { callback } of due) callback();
    },
    get timers() {
      return timers.length;
    },
  };
}

function rig(options: LoggerOptions = {}) {
  const clock = createClock();
  const metrics = createMetrics();
  const lines: string[] = [];
  const log = createLogger('pilot', { clock, metrics, sink: (line) => lines.push(line) > 0, ...options });
  const leftOut = async (): Promise<Record<string, number>> =>
    Object.fromEntries(
      [...(await metrics.text()).matchAll(/log_lines_left_out_total\{reason="(\w+)"\} (\d+)/g)].map(
        ([, reason, count]) => [reason, Number(count)],
      ),
    );
  return { clock, log, lines, leftOut, read: () => lines.splice(0).map((line) => JSON.parse(line) as Fields) };
}
const hostile = 'x\n{"level":"error","msg":"forged"}\u001b[2J\u202e\ud800';

describe('a line', () => {
  it('has level, time, service, scope, fields and message', () => {
    const { log, read } = rig();
    log.scope('ads').with({ peer: '10.0.0.7:4242' }).warn('stream refused', { reason: 'why', level: 'fake' });
    expect(read()).toEqual([
      {
        level: 'warn',
        time: '2026-01-01T00:00:00.000Z',
        service: 'pilot',
        scope: 'ads',
        peer: '10.0.0.7:4242',
        reason: 'why',
        msg: 'stream refused',
      },
    ]);
  });
  it('stays one safe line of at most 4096 bytes, whatever it quotes', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.constant(hostile), fc.string({ unit: 'binary', maxLength: 2000 })),
        fc.anything(),
        fc.constantFrom('text', 'json'),
        (text, value, format) => {
          const lines: string[] = [];
          const log = createLogger('pilot', { format, sink: (line) => lines.push(line) > 0 });
          log.scope('ads').error(text, { [text]: text, many: Array(30).fill(`${text}…`.repeat(5)), value });
          expect(lines).toHaveLength(1);
          expect(lines[0]).toMatch(/^[^\n]+\n$/);
          expect(/[\p{Cf}\p{Zl}\p{Zp}\p{Cs}\u0000-\u0008\u000b-\u001f\u007f-\u009f]/u.test(lines[0] ?? '')).toBe(false);
          expect(Buffer.byteLength(lines[0] ?? '')).toBeLessThanOrEqual(4096);
        },
      ),
      { numRuns: 50 },
    );
  });
  it('is small however much it is given', () => {
    const { log, lines } = rig();
    const names = Array.from({ length: 18_000 }, (_, i) => `outbound|${i}||${'n'.repeat(400)}`);
    log.info('names', { names, text: 'n'.repeat(7_000_000), deep: { names: { names: { names: { names } } } } });
    expect(lines.join('').length).toBeLessThan(4096);
  });
  it('shows no secrets', () => {
    const { log, lines } = rig();
    log.warn('refused', {
      token: 'hidden',
      of: { privateKey: 'hidden', list: [{ password: 'hidden' }] },
      bytes: Buffer.from('hidden'),
    });
    expect(lines.join('')).not.toContain('hidden');
  });
  it('is for people as text', () => {
    const { log, lines } = rig({ format: 'text' });
    log.scope('ads').info('proxy connected', { proxy: 'a.shop', types: ['cds'], words: 'two words' });
    log.warn(`made\tup\n2026 error`);
    expect(lines).toEqual([
      '2026-01-01T00:00:00.000Z\tinfo\tads\tproxy connected\tproxy=a.shop types=["cds"] words="two words"\n',
      '2026-01-01T00:00:00.000Z\twarn\tmade\\tup\\n2026 error\n',
    ]);
  });
});

describe('levels', () => {
  it('are by scope', () => {
    const { log, read } = rig({ levels: parseLogLevels('default:warn,ads:debug') });
    log.info('not shown');
    log.scope('ads').debug('shown');
    log.scope('bus').info('not shown');
    expect(read().map(({ msg }) => msg)).toEqual(['shown']);
  });
  it.each(['loud', 'ads:loud', 'a:b:c', ''])('refuse "%s"', (text) => {
    expect(() => parseLogLevels(text)).toThrow(/is not one of trace, debug/);
  });
});

describe('floods', () => {
  it('of one line are counted, and summed up every 10 s', async () => {
    const { log, clock, read, leftOut } = rig();
    for (let i = 0; i < 1000; i += 1) log.error('no bus', { reason: 'refused' });
    expect(read()).toHaveLength(1);
    clock.pass(10_000);
    expect(read()).toMatchObject([{ msg: 'no bus', reason: 'refused', timesMore: 999, inMs: 10_000 }]);
    log.error('no bus', { reason: 'refused' });
    clock.pass(10_000);
    expect(read()).toMatchObject([{ timesMore: 1 }]);
    clock.pass(10_000);
    clock.pass(10_000);
    log.error('no bus', { reason: 'refused' });
    expect(read()).toMatchObject([{ msg: 'no bus' }]);
    expect(await leftOut()).toMatchObject({ repeated: 1000 });
  });
  it('of one peer end with its lines of a minute, whatever names it makes up; others are heard', async () => {
    const { log, clock, read, leftOut } = rig({ limits: { perPeer: 60, perScope: 1200 } });
    const ads = log.scope('ads');
    for (let i = 0; i < 5000; i += 1)
      ads.with({ peer: `10.0.0.7:${i}` }).warn(`refused ${i}`, { proxy: `made-up-${i}` });
    ads.with({ peer: '10.0.0.8:1' }).warn('refused', { proxy: 'honest' });
    expect(read().map(({ peer }) => String(peer).replace(/:.*/, ''))).toEqual([
      ...Array<string>(60).fill('10.0.0.7'),
      '10.0.0.8',
    ]);
    clock.pass(10_000);
    expect(read()).toMatchObject([
      {
        level: 'warn',
        scope: 'ads',
        msg: 'log lines were left out: too many in a minute',
        lines: 4940,
        mostOf: ['10.0.0.7 (4940)'],
      },
    ]);
    for (let i = 0; i < 50; i += 1) ads.warn('later', { peer: '10.0.0.7:1', i });
    expect(read()).toHaveLength(10);
    expect(await leftOut()).toMatchObject({ peer: 4980 });
  });
  it("of many peers end with the scope's lines of a minute, and leave other scopes theirs", async () => {
    const { log, read, leftOut } = rig({ limits: { perPeer: 60, perScope: 1200 } });
    for (let i = 0; i < 10_000; i += 1)
      log.scope('ads').warn('refused', { peer: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}:1` });
    expect(read()).toHaveLength(1200);
    log.scope('bus').info('heard');
    expect(read()).toHaveLength(1);
    expect(await leftOut()).toMatchObject({ scope: 8800 });
  });
  it('of long lines end with the bytes of a minute, however few lines they are', () => {
    const { log, lines, clock, read } = rig({ limits: { bytesPerPeer: 5000, bytesPerScope: 12_000 } });
    const text = Array.from({ length: 8 }, () => 'x'.repeat(190));
    for (let i = 0; i < 100; i += 1) log.scope('ads').warn('refused', { peer: `10.0.0.${i % 5}:1`, i, text });
    const bytes = lines.join('').length;
    expect(bytes).toBeGreaterThan(8000);
    expect(bytes).toBeLessThanOrEqual(12_000);
    const written = read();
    clock.pass(10_000);
    expect(read()).toMatchObject([
      { msg: 'log lines were left out: too many in a minute', lines: 100 - written.length },
    ]);
  });
  it('of problems with one code end with the lines of one peer', () => {
    const { log, read, clock } = rig();
    for (let i = 0; i < 500; i += 1) log.warn(`object ${i} has the host of another`, { code: 'IST0109' });
    log.warn('object 7 names a gateway that does not exist', { code: 'IST0101' });
    expect(read().map(({ code }) => code)).toEqual([...Array<string>(60).fill('IST0109'), 'IST0101']);
    clock.pass(10_000);
    expect(read()).toMatchObject([{ lines: 440, mostOf: ['IST0109 (440)'] }]);
  });
  it('of lines that are repeated have no bytes of their own', () => {
    const { log, clock, read } = rig({ limits: { perPeer: 20, perScope: 20 } });
    for (let minute = 0; minute < 6; minute += 1) {
      for (let i = 0; i < 2000; i += 1) log.warn('refused', { peer: 'a', n: i % 20 });
      clock.pass(10_000);
    }
    const written = read();
    expect(written.filter(({ msg }) => msg === 'refused').length).toBeLessThanOrEqual(20 + 20);
    const counted = written.reduce(
      (sum, { msg, timesMore = 0, lines = 0 }) => sum + (msg === 'refused' ? Number(timesMore) || 1 : Number(lines)),
      0,
    );
    expect(counted).toBe(6 * 2000);
  });
  it("at debug are bounded, too, and don't use up what warnings may have", () => {
    const { log, read } = rig({ levels: { default: 'debug' }, limits: { perPeer: 60, perScope: 1200 } });
    for (let i = 0; i < 5000; i += 1) log.debug('request', { peer: 'a', i });
    expect(read()).toHaveLength(600);
    log.warn('refused', { peer: 'a' });
    expect(read()).toHaveLength(1);
  });
  it('write at most so many lines in an hour, for any mixture', () => {
    const line = fc.record({
      peer: fc.integer({ min: 0, max: 5000 }),
      n: fc.integer({ min: 0, max: 50 }),
      wait: fc.constantFrom(0, 0, 0, 0, 1, 500),
    });
    fc.assert(
      fc.property(fc.array(line, { minLength: 500, maxLength: 3000 }), (calls) => {
        const { log, clock, lines } = rig({ limits: { perPeer: 5, perScope: 100 } });
        const start = clock.now();
        for (const { peer, n, wait } of calls) {
          log.scope('ads').warn('refused', { peer: `p${peer}`, n });
          clock.pass(wait);
        }
        log.close();
        const minutes = (clock.now() - start) / 60_000;
        const counted = lines.filter((text) => !text.includes('timesMore') && !text.includes('left out'));
        expect(counted.length).toBeLessThanOrEqual(100 + minutes * 100 + 1);
      }),
      { numRuns: 20 },
    );
  });
  it('leave no timer behind', () => {
    const { log, clock, read } = rig();
    log.info('a');
    expect(clock.timers).toBe(0);
    log.info('a');
    log.close();
    expect([clock.timers, read().at(-1)]).toMatchObject([0, { timesMore: 1 }]);
  });
});
