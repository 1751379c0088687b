import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { createStuckMeter } from './worker.ts';

const fixture = new URL('./stuck.fixture.ts', import.meta.url).pathname;
const started: ChildProcess[] = [];
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
});

interface Line {
  readonly msg: string;
  readonly scope?: string;
  readonly workingOn?: string;
  readonly within?: readonly string[];
  readonly stack?: readonly string[] | string;
}
/** A process that hangs for `forMs`; `lines` is its log so far. */
function start(
  how: string,
  {
    forMs = 60_000,
    exitAfter = '1s',
    flags = [],
    more = [],
    wrapper = [],
  }: {
    forMs?: number;
    exitAfter?: string;
    flags?: readonly string[];
    more?: readonly string[];
    /** A command that runs the process. */
    wrapper?: readonly string[];
  } = {},
) {
  const args = [
    '--monitoring-port',
    '0',
    '--log-format',
    'json',
    '--watchdog-stack-after',
    '200ms',
    '--watchdog-exit-after',
    exitAfter,
    '--how',
    how,
    '--for-ms',
    String(forMs),
    ...more,
  ];
  const [command = '', ...rest] = [...wrapper, process.execPath, ...flags, fixture, ...args];
  const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
  started.push(child);
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()));
  const lines = (): Line[] =>
    output.stderr
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Line)
      .filter(({ scope }) => scope === 'watchdog');
  const said = async (text: string): Promise<void> => {
    while (!(output.stdout + output.stderr).includes(text))
      await Promise.race([once(child.stdout, 'data'), once(child.stderr, 'data')]);
  };
  return { child, lines, said, ended: once(child, 'close') as Promise<[number | null, string | null]> };
}

describe('the watchdog', () => {
  it.each(['spin', 'backtrack', 'sleep'])(
    'says where the process hangs and what it works on, then ends it: %s',
    async (how) => {
      const file = join(mkdtempSync(join(tmpdir(), 'watchdog-')), 'state', 'quarantine.json');
      const { lines, ended } = start(how, { more: ['--quarantine-file', file] });
      expect(await ended).toEqual([70, null]);
      const [stuck, ends] = lines();
      expect(stuck).toMatchObject({
        msg: 'the event loop is stuck for 0.2 s',
        workingOn: 'file.yaml#1\\nforged',
        within: ['query routes', 'key\\n80'],
      });
      expect(String(stuck?.stack)).toContain(`Object.${how}`);
      expect(ends).toMatchObject({
        msg: 'the event loop is stuck for 1 s: the process ends',
        workingOn: 'file.yaml#1\\nforged',
        quarantinedIn: file,
      });
      expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({
        objects: [{ hash: 'hash-1', name: 'file.yaml#1\\nforged' }],
      });
    },
  );
  it('ends a process that hangs in native code, which no other thread can look into', async () => {
    // The main thread is given a second to say where it is before the process is ended.
    const { lines, ended } = start('native', { exitAfter: '3s' });
    expect(await ended).toEqual([null, 'SIGKILL']);
    expect(lines()[0]?.stack).toBe('none: it is in native code');
  });
  // As a container's entry point is, which its own SIGKILL does not reach.
  it.skipIf(process.getuid?.() !== 0)('ends the first process of a namespace of processes', async () => {
    const { lines, ended } = start('native', {
      exitAfter: '3s',
      wrapper: ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc'],
    });
    // unshare(1) ends as its child does.
    expect(await ended).toEqual([null, 'SIGTRAP']);
    expect(lines().at(-1)?.msg).toBe('the event loop is stuck for 3 s: the process ends');
  });
  it("adds to what is in quarantine, replaces a file that is corrupt, and ends the process although it can't write", async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'watchdog-')), 'quarantine.json');
    writeFileSync(
      file,
      JSON.stringify({
        objects: [
          { hash: 'other', name: 'o', since: '' },
          { hash: 'hash-1', name: 'again', since: '' },
        ],
      }),
    );
    expect(await start('spin', { more: ['--quarantine-file', file] }).ended).toEqual([70, null]);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({
      objects: [{ hash: 'other' }, { hash: 'hash-1', name: 'file.yaml#1\\nforged' }],
    });
    writeFileSync(file, '{"objects": [');
    expect(await start('spin', { more: ['--quarantine-file', file] }).ended).toEqual([70, null]);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ objects: [{ hash: 'hash-1' }] });
    const { ended, lines } = start('spin', { more: ['--quarantine-file', '/dev/null/quarantine.json'] });
    expect(await ended).toEqual([70, null]);
    expect(lines().map(({ msg }) => msg)).toContain('the quarantine could not be written');
  });
  it('writes over the file when no other can be made, as on a full disk; the oldest objects make room', async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'watchdog-')), 'quarantine.json');
    mkdirSync(`${file}.new`);
    const objects = [1, 2].map((i) => ({ hash: `old-${i}`, name: 'n'.repeat(100), since: '' }));
    writeFileSync(file, `${JSON.stringify({ objects }, null, 1)}\n`);
    const { size } = statSync(file);
    expect(await start('spin', { more: ['--quarantine-file', file] }).ended).toEqual([70, null]);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ objects: [{ hash: 'old-2' }, { hash: 'hash-1' }] });
    expect(statSync(file).size).toBe(size);
  });
  it('ends the process although the disk hangs', async () => {
    const pipe = join(mkdtempSync(join(tmpdir(), 'watchdog-')), 'pipe');
    execFileSync('mkfifo', [pipe]);
    expect(await start('spin', { more: ['--quarantine-file', pipe] }).ended).toEqual([null, 'SIGKILL']);
  });
  it('says when it goes on, and leaves alone who may hang', async () => {
    const { child, said, lines, ended } = start('spin', { forMs: 1500, exitAfter: '0' });
    await said('the event loop runs again');
    expect(lines()).toHaveLength(2);
    child.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
  });
  it('does not take a stopped process for stuck', async () => {
    const { child, said, lines, ended } = start('nothing');
    await said('goes on');
    child.kill('SIGSTOP');
    // The one wait in real time: fifteen times as long as a loop may be stuck.
    await new Promise((resolve) => setTimeout(resolve, 3000));
    child.kill('SIGCONT');
    child.kill('SIGTERM');
    expect([await ended, lines()]).toEqual([[0, null], []]);
  });
  it('does not disturb a debugger', async () => {
    const { said, lines } = start('spin', { forMs: 1500, exitAfter: '400ms', flags: ['--inspect=127.0.0.1:0'] });
    await said('goes on');
    expect(lines()).toEqual([]);
  });
});

describe('how long a loop is stuck', () => {
  const tickMs = 1000;
  const measure = (samples: readonly { elapsed: number; beats?: boolean; waited?: number }[]): number => {
    const meter = createStuckMeter(tickMs);
    let [at, beat, waited] = [0, 0, 0];
    let stuck = meter({ at, beat, waited });
    for (const sample of samples) {
      at += sample.elapsed;
      beat += sample.beats ? 1 : 0;
      waited += sample.waited ?? 0;
      stuck = meter({ at, beat, waited });
    }
    return stuck;
  };
  it.each([
    [
      'no time while it beats',
      [
        { elapsed: 1000, beats: true },
        { elapsed: 1000, beats: true },
      ],
      0,
    ],
    ['the time since its last beat', [{ elapsed: 1000, beats: true }, { elapsed: 1000 }, { elapsed: 1200 }], 2200],
    [
      'not the time that the whole process was stopped',
      [{ elapsed: 1000 }, { elapsed: 3_600_000 }, { elapsed: 1000 }],
      2000,
    ],
    [
      'not the time that it waited for a processor',
      [
        { elapsed: 1000, waited: 900 },
        { elapsed: 1000, waited: 1000 },
      ],
      100,
    ],
    ['nothing again after a beat', [{ elapsed: 1000 }, { elapsed: 1000 }, { elapsed: 1000, beats: true }], 0],
  ])('is %s', (_what, samples, stuck) => {
    expect(measure(samples)).toBe(stuck);
  });
  it('is never more than the time that this thread saw pass in good time, less what it waited', () => {
    const sample = fc.record({
      elapsed: fc.integer({ min: 0, max: 10_000 }),
      beats: fc.boolean(),
      waited: fc.integer({ min: 0, max: 10_000 }),
    });
    fc.assert(
      fc.property(fc.array(sample), (samples) => {
        const since = samples.slice(samples.findLastIndex(({ beats }) => beats) + 1);
        const most = since
          .filter(({ elapsed }) => elapsed <= 2 * tickMs)
          .reduce((sum, { elapsed, waited }) => sum + Math.max(0, elapsed - waited), 0);
        expect(measure(samples)).toBe(most);
      }),
    );
  });
});
