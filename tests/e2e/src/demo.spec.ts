import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { send } from '@flotilla/demo';
import { canRun } from './rig.ts';

const root = resolve(import.meta.dirname, '../../..');

/** Runs the demo as its user does, with a folder for temporary files of its own. */
const demo = (...args: string[]) => demoIn(mkdtempSync(join(tmpdir(), 'demo-spec-')), ...args);

function demoIn(folder: string, ...args: string[]) {
  const child = spawn(process.execPath, ['tools/demo/src/main.ts', ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, FLOTILLA_NODE: '', TMPDIR: folder },
  });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  const exited = once(child, 'close').then(([code]) => code as number | null);
  const said = async (text: string): Promise<void> => {
    while (!out.includes(text))
      if (await Promise.race([once(child.stdout, 'data').then(() => false), exited.then(() => true)]))
        throw new Error(`ended before it said ${text}:\n${out}${err}`);
  };
  return { child, folder, exited, said, out: () => out, err: () => err };
}

/** Parent and start time of every process that runs; the latter tells it from a later one of the same number. */
const processes = (): Map<string, { parent: string; started: string }> =>
  new Map(
    readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((pid) => {
        try {
          const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
            .replace(/^.*\) /, '')
            .split(' ');
          // One that has ended and whose parent hasn't looked is no process any more.
          return fields[0] === 'Z' ? [] : [[pid, { parent: fields[1] ?? '', started: fields[19] ?? '' }] as const];
        } catch {
          return [];
        }
      }),
  );

/** A process and everything that it has started; `left` tells which of them are still there. */
function treeOf(root: number | undefined): { readonly size: number; left(): string[] } {
  const all = processes();
  const tree = [String(root)];
  for (const pid of tree) tree.push(...[...all].filter(([, { parent }]) => parent === pid).map(([child]) => child));
  return {
    size: tree.length,
    left: () => tree.filter((pid) => processes().get(pid)?.started === all.get(pid)?.started && all.has(pid)),
  };
}

/** The lines of the recording in the README that stay; those that are redrawn are not printed without a terminal. */
const saidInPicture = (): string =>
  [...readFileSync(join(root, 'docs/images/demo.svg'), 'utf8').matchAll(/<text [^>]*>(.*)<\/text>/g)]
    .map(([, line = '']) => line.replaceAll(/<[^>]+>/g, ''))
    .filter((line) => !/^ +(reviews v\d [█·]|\d+ ×|\d+ requests\/s)/.test(line))
    .join('\n');
/** Lines of the demo without what differs from run to run: numbers, bars, names of pods. */
const formsOf = (text: string): string[] =>
  text
    .split('\n')
    .map((line) =>
      line
        .replaceAll(/(?<= (rds|eds|cds|lds) ).*/g, '')
        .replaceAll(/[\d.]+/g, '0')
        .replaceAll(/[━ ]+/g, ' '),
    )
    .map((line) => line.replaceAll(/( v0 0 %,?)+/g, ' v0 0 %'));

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

describe.skipIf(!canRun)('the demo', () => {
  it.each([
    ['fleet', []],
    ['monolith', ['--monolith']],
  ] as const)(
    'runs as a %s: split, change, fault, absence, identities',
    async (mode, flags) => {
      const { exited, out, err, folder } = demo('--json', ...flags);
      const code = await exited;
      expect([code, code === 0 ? '' : err()]).toEqual([0, '']);
      const report = JSON.parse(out()) as Record<string, unknown> & {
        split: Record<'before' | 'after', Record<string, number>>;
        propagation_ms: { p50: number; max: number };
      };
      expect(report).toMatchObject({
        mode,
        pods: mode === 'fleet' ? 12 : 8,
        envoys: 7,
        errors: 0,
        mtls_verified: true,
        traffic_survived_galley_stop: true,
        nacks: 0,
      });
      expect(report['requests']).toBeGreaterThan(400);
      expect(report.split.before['v1']).toBeGreaterThan(60);
      expect(report.split.before).not.toHaveProperty('v3');
      expect(report.split.after['v3']).toBeGreaterThan(60);
      expect(report.split.after).not.toHaveProperty('v1');
      expect(report.propagation_ms.p50).toBeGreaterThan(0);
      expect(report.propagation_ms.max).toBeGreaterThanOrEqual(report.propagation_ms.p50);
      expect(err()).toMatch(/galley\.read.*[\s\S]*pilot\.queries[\s\S]*pilot\.push/);
      if (mode === 'fleet') {
        const printed = new Set(formsOf(err()));
        const shown = formsOf(saidInPicture());
        expect([shown.length > 15, shown.filter((form) => !printed.has(form))]).toEqual([true, []]);
      }
      expect(readdirSync(folder)).toEqual([]);
    },
    120_000,
  );

  it('keeps a given mesh running within reach, and leaves nothing behind after Ctrl-C', async () => {
    const config = mkdtempSync(join(tmpdir(), 'demo-config-'));
    writeFileSync(join(config, 'web.yaml'), readFileSync(join(import.meta.dirname, 'testdata/web.yaml')));
    const port = await freePort();
    const { child, exited, said, out, folder } = demo('--config', config, '--keep', '--port', String(port));
    await said('goes on until Ctrl-C');
    expect(out()).toMatch(/web\.example\.com\/hello: \d+ × web v1/);
    const { status, body } = await send(
      { ip: '127.0.0.1', port, host: 'web.example.com', path: '/hello' },
      new Agent(),
    );
    expect([status, body]).toEqual([200, expect.stringContaining('"app":"web"')]);
    const tree = treeOf(child.pid);
    // Pods, agents, Envoys, services.
    expect(tree.size).toBeGreaterThan(20);
    child.kill('SIGINT');
    expect(await exited).toBe(0);
    expect([tree.left(), readdirSync(folder)]).toEqual([[], []]);
    expect(readdirSync(config)).toEqual(['web.yaml']);
  }, 90_000);

  it('starts at once without a tour, serves the commands about its pods, and reports each edit', async () => {
    const config = mkdtempSync(join(tmpdir(), 'demo-config-'));
    const file = join(config, 'web.yaml');
    writeFileSync(file, readFileSync(join(import.meta.dirname, 'testdata/web.yaml')));
    const ports = [String(await freePort()), String(await freePort())] as const;
    const kept = demo('--config', config, '--keep', '--no-tour', '--port', ports[0], '--https-port', ports[1]);
    await kept.said('goes on until Ctrl-C');
    const ask = async (...args: string[]) => {
      const { exited, out, err } = demoIn(kept.folder, ...args);
      return { code: await exited, out: out(), err: err() };
    };
    const pods = JSON.parse((await ask('ps', '--json')).out) as { name: string; ready: boolean }[];
    expect(pods.find(({ name }) => name.startsWith('web-'))).toMatchObject({ ready: true });
    expect(await ask('exec', 'web', '--', 'sh', '-c', 'cat /etc/hostname; exit 7')).toMatchObject({
      code: 7,
      out: expect.stringMatching(/^web-/) as string,
    });
    expect((await ask('proxy', 'web', 'listeners')).out).toContain('0.0.0.0:15006');
    expect((await ask('logs', 'galley')).out).toContain('ready');
    expect(await ask('logs', 'odd')).toMatchObject({
      code: 2,
      err: expect.stringContaining('no pod odd; the pods are: ') as string,
    });
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll('/hello', '/goodbye'));
    await kept.said(`${file}: in force at`);
    kept.child.kill('SIGINT');
    expect(await kept.exited).toBe(0);
    expect(await ask('ps')).toMatchObject({ code: 2, err: expect.stringContaining('no mesh is running') as string });
  }, 150_000);

  it('runs what is good of a file with a mistake, says where the mistake is, and ends with exit code 3', async () => {
    const config = mkdtempSync(join(tmpdir(), 'demo-config-'));
    const file = join(config, 'web.yaml');
    const text = `${readFileSync(join(import.meta.dirname, 'testdata/web.yaml'), 'utf8')}---\nkind: VirtualService\n\tmetadata: x\n`;
    writeFileSync(file, text);
    const { exited, out, folder } = demo('--config', file, '--json');
    expect(await exited).toBe(3);
    const report = JSON.parse(out()) as { not_in_force: readonly string[]; requests: number; errors: number };
    expect(report.not_in_force).toEqual([
      expect.stringMatching(new RegExp(`^error: ${file}.*line ${text.split('\n').length - 1}`)),
    ]);
    expect([report.requests > 0, report.errors]).toEqual([true, 0]);
    expect([readdirSync(folder), readFileSync(file, 'utf8')]).toEqual([[], text]);
  }, 90_000);

  it('leaves nothing behind when it is killed while it starts', async () => {
    const { child, exited, said, folder } = demo();
    await said('Starting the control plane');
    const tree = treeOf(child.pid);
    expect(tree.size).toBeGreaterThan(2);
    child.kill('SIGKILL');
    await exited;
    while (tree.left().length > 0) await new Promise((resolve) => setTimeout(resolve, 50));
    expect(readdirSync(folder)).toEqual([]);
  }, 30_000);

  it('ends when nobody reads what it says, and leaves nothing behind', async () => {
    const { child, exited, said, folder, err } = demo();
    await said('Starting the control plane');
    const tree = treeOf(child.pid);
    child.stdout.destroy();
    expect([await exited, err()]).toEqual([130, '']);
    expect([tree.left(), readdirSync(folder)]).toEqual([[], []]);
  }, 60_000);

  it.each([
    [['--config', '/nowhere'], /--config \/nowhere: there is no such file or folder/],
    [['--nonsense'], /unknown option '--nonsense'/],
  ])('refuses %j with one sentence and exit code 2', async (args, message) => {
    const { exited, err } = demo(...args);
    expect(await exited).toBe(2);
    expect(err()).toMatch(message);
  });

  it('refuses an occupied port, saying what to do', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { exited, err, folder } = demo('--keep', '--port', String((server.address() as AddressInfo).port));
    expect(await exited).toBe(2);
    expect(err()).toMatch(/is in use; stop what uses it or choose another with --port/);
    expect(readdirSync(folder)).toEqual([]);
    server.close();
  });
});
