import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { BackgroundReader } from './background-reader.ts';
import { ChangedFiles } from './changed-files.ts';

const dir = mkdtempSync(join(tmpdir(), 'flotilla-background-'));
const at = (name: string): string => join(dir, name);
const large = (value: string): string => `# ${'x'.repeat(100_000)}\n${value}`;
/**
 * A reader in whose place a path with `stuck` is never read, one with `crash` ends it, and of others the path is what
 * is found.
 */
const program = new URL(
  `data:text/javascript,${encodeURIComponent(`
  import { parentPort, threadId } from 'node:worker_threads';
  parentPort.on('message', (path) => {
    if (path.includes('stuck')) for (;;);
    if (path.includes('crash')) process.exit(1);
    parentPort.postMessage({ path, documents: [{ index: 1, value: threadId }], readAt: 0 });
  });
`)}`,
);
const closing: { close(): void }[] = [];
const closed = <T extends { close(): void }>(one: T): T => {
  closing.push(one);
  return one;
};
afterEach(() => {
  for (const one of closing.splice(0)) one.close();
});

describe('reading in the background', () => {
  it('gives what reading here gives, keys like __proto__ included', async () => {
    writeFileSync(at('a.yaml'), large('{"__proto__": {x: 1}, list: [1, null, true]}\n---\na: [\n---\nb: .inf\n'));
    const { documents } = await closed(new BackgroundReader()).read(at('a.yaml'), 100_000);
    expect(documents).toMatchObject([
      { index: 1 },
      { index: 2, problem: { code: 'yaml-syntax' } },
      { index: 3, value: { b: Infinity } },
    ]);
    expect(Object.entries(documents?.[0]?.value as object)).toEqual([
      ['__proto__', { x: 1 }],
      ['list', [1, null, true]],
    ]);
    expect(({} as { x?: number }).x).toBeUndefined();
  });

  it('ends at the deadline with a problem, and goes on with the next file', async () => {
    const reader = closed(new BackgroundReader({ program, deadlineMs: 2000 }));
    const found = await Promise.all([
      reader.read('stuck', 2),
      reader.read('crash', 3),
      reader.read('good', 4),
      reader.read('first', 1),
    ]);
    expect(found).toMatchObject([
      {
        path: 'stuck',
        problem: { code: 'over-limit', level: 'error', message: 'reading it took longer than 2 s; split it' },
      },
      { path: 'crash', problem: { message: 'its reader ended unexpectedly' } },
      { path: 'good', documents: [{}] },
      { path: 'first', documents: [{}] },
    ]);
    const threads = [found[3], found[2]].map((file) => file?.documents?.[0]?.value as number);
    expect(threads[0]).toBeLessThan(threads[1] ?? 0);
  });

  it('ends when its heap is full', async () => {
    writeFileSync(at('full.yaml'), large(`[${'a, '.repeat(500_000)}]`));
    const { problem } = await closed(new BackgroundReader({ heapMb: 40 })).read(at('full.yaml'), 1);
    expect(problem?.message).toBe('reading it takes more than 40 MB; split it');
  });
});

describe('changed files', () => {
  it('come without waiting for a large one, which comes later', async () => {
    for (const name of ['small.yaml', 'stuck.yaml'])
      writeFileSync(at(name), name.startsWith('small') ? 'v: 1' : large('v: 1'));
    const later = Promise.withResolvers<null>();
    const files = closed(new ChangedFiles(() => later.resolve(null), { background: { program, deadlineMs: 1000 } }));
    for (const name of ['small.yaml', 'stuck.yaml']) files.add(at(name));
    const { signal } = new AbortController();
    expect(await files.take(signal)).toMatchObject([{ path: at('small.yaml'), documents: [{ value: { v: 1 } }] }]);
    await later.promise;
    expect(await files.take(signal)).toMatchObject([{ path: at('stuck.yaml'), problem: { code: 'over-limit' } }]);
  });

  it('are found as they are now: a large one that became small meanwhile is not found as it was', async () => {
    writeFileSync(at('stuck-2.yaml'), large('v: 1'));
    const files = closed(new ChangedFiles(() => {}, { background: { program, deadlineMs: 500 } }));
    const { signal } = new AbortController();
    files.add(at('stuck-2.yaml'));
    expect(await files.take(signal)).toEqual([]);
    writeFileSync(at('stuck-2.yaml'), 'v: 2');
    files.add(at('stuck-2.yaml'));
    expect(await files.take(signal)).toMatchObject([{ documents: [{ value: { v: 2 } }] }]);
    files.add(at('stuck-2.yaml'));
    writeFileSync(at('other.yaml'), large('v: 3'));
    files.add(at('other.yaml'));
    expect(await files.takeAll(signal)).toMatchObject([
      { path: at('other.yaml') },
      { path: at('stuck-2.yaml'), documents: [{ value: { v: 2 } }] },
    ]);
  });

  it('are all taken at first, small and large', async () => {
    writeFileSync(at('s.yaml'), 'v: 1');
    writeFileSync(at('l.yaml'), large('v: 2'));
    const files = closed(new ChangedFiles(() => {}));
    for (const name of ['s.yaml', 'l.yaml', 'gone.yaml']) files.add(at(name));
    expect((await files.takeAll(new AbortController().signal)).map(({ documents }) => documents?.[0]?.value)).toEqual([
      undefined,
      { v: 2 },
      { v: 1 },
    ]);
  });
});
