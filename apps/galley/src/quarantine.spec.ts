import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, it } from 'vitest';

const fixture = new URL('./hang.fixture.ts', import.meta.url).pathname;
let folder: string;
let running: ChildProcess | undefined;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'quarantine-'))));
afterEach(() => void running?.kill('SIGKILL'));

const entry = (name: string, hang: boolean): string => `apiVersion: networking.istio.io/v1beta1
kind: ServiceEntry
metadata: {name: ${name}, namespace: shop${hang ? ', annotations: {hang: "yes"}' : ''}}
spec: {hosts: [${name}.test], ports: [{number: 80, name: http, protocol: HTTP}]}
`;
const put = (name: string, ...documents: string[]): void => {
  writeFileSync(join(folder, '.new'), documents.join('---\n'));
  renameSync(join(folder, '.new'), join(folder, name));
};
const file = (): string => join(`${folder}.state`, 'quarantine.json');
interface Batch {
  readonly put: readonly string[];
  readonly problems: readonly {
    readonly code: string;
    readonly message: string;
    readonly resource?: string;
    readonly origin?: string;
  }[];
}
/** Galley on the folder, with what it publishes. */
function start() {
  const child = spawn(
    process.execPath,
    [
      fixture,
      '--monitoring-port',
      '0',
      '--config-dir',
      folder,
      '--quarantine-file',
      file(),
      '--watchdog-stack-after',
      '200ms',
      '--watchdog-exit-after',
      '600ms',
      '--log-format',
      'json',
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  running = child;
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
  const batches = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<Batch> => JSON.parse(String((await batches.next()).value)) as Batch;
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await once(child, 'close');
  };
  return { next, stop, log: () => log, ended: once(child, 'close') as Promise<[number | null, string | null]> };
}

it('an object on which galley hung is passed over from the next start on, until it changes', async () => {
  put('a.yaml', entry('good', false), entry('bad', true), entry('also-good', false));
  const first = start();
  expect(await first.ended).toEqual([70, null]);
  expect(first.log()).toMatch(/"workingOn":"[^"]*a\.yaml:6".*spinForever/);

  const second = start();
  const { put: inForce, problems } = await second.next();
  expect(inForce).toEqual(['istio', 'good', 'also-good']);
  expect(problems).toEqual([
    {
      code: 'quarantined',
      level: 'error',
      resource: 'service-entries shop/bad',
      origin: `${join(folder, 'a.yaml')}:6`,
      message: expect.stringMatching(/hung on this at 2\d{3}-.*once it changes/) as string,
    },
  ]);
  await second.next();
  put('a.yaml', entry('good', false), entry('bad', true), entry('new', false));
  expect(await second.next()).toMatchObject({ put: ['new'], problems: [{ code: 'quarantined' }] });
  put('a.yaml', entry('good', false), entry('bad', false), entry('new', false));
  expect(await second.next()).toMatchObject({ put: ['bad'], problems: [] });
  await second.stop();

  const third = start();
  expect((await third.next()).put).toContain('bad');
  await third.next();
  await third.stop();
  expect(JSON.parse(readFileSync(file(), 'utf8'))).toEqual({ objects: [] });
});

it('galley starts with a corrupt quarantine', async () => {
  put('a.yaml', entry('good', false), entry('bad', true));
  expect(await start().ended).toEqual([70, null]);
  expect(existsSync(file())).toBe(true);
  writeFileSync(file(), '{"objects": [{"hash": 1}]}');
  put('a.yaml', entry('good', false));
  const { next, log, stop } = start();
  expect(await next()).toMatchObject({ put: ['istio', 'good'], problems: [] });
  await stop();
  expect(log()).toContain("the quarantine can't be read: no object is skipped");
});
