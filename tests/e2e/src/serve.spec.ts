import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { canRun, until } from './rig.ts';

const root = resolve(import.meta.dirname, '../../..');
const apps = {
  pilot: '127.0.0.2',
  galley: '127.0.0.3',
  citadel: '127.0.0.4',
  'sidecar-injector': '127.0.0.5',
  istiod: '127.0.0.6',
};
const metrics: Readonly<Record<keyof typeof apps, readonly string[]>> = {
  pilot: ['pilot_xds_pushes', 'pilot_proxy_convergence_time', 'pilot_xds'],
  galley: ['galley_validation_passed', 'galley_validation_failed'],
  citadel: [
    'citadel_server_csr_count',
    'citadel_server_success_cert_issuance_count',
    'citadel_server_root_cert_expiry_timestamp',
  ],
  'sidecar-injector': [
    'sidecar_injection_requests_total',
    'sidecar_injection_success_total',
    'sidecar_injection_skip_total',
  ],
  istiod: [
    'pilot_xds_pushes',
    'galley_validation_passed',
    'citadel_server_csr_count',
    'sidecar_injection_requests_total',
  ],
};
const names = Object.keys(apps) as (keyof typeof apps)[];

/**
 * What `nx serve APP` runs, for all apps at once, from a folder that has what a checkout has but keeps its own state.
 */
describe.skipIf(!canRun)('each app, started as `nx serve` does', () => {
  const folder = mkdtempSync(join(tmpdir(), 'flotilla-serve-'));
  const running: ChildProcess[] = [];
  const get = (name: keyof typeof apps, path: string): Promise<{ status: number; text: string }> =>
    fetch(`http://${apps[name]}:15014${path}`).then(
      async (answer) => ({ status: answer.status, text: await answer.text() }),
      () => ({ status: 0, text: '' }),
    );

  beforeAll(() => {
    for (const name of ['apps', 'libs', 'docs', 'node_modules']) symlinkSync(join(root, name), join(folder, name));
    for (const name of names) {
      const { nx } = JSON.parse(readFileSync(join(root, 'apps', name, 'package.json'), 'utf8')) as {
        nx: { targets: { serve: { command: string } } };
      };
      running.push(
        spawn('sh', ['-c', `exec ${nx.targets.serve.command}`], { cwd: folder, stdio: 'ignore', detached: true }),
      );
    }
  });
  afterAll(() => {
    for (const { pid } of running) if (pid !== undefined) process.kill(-pid, 'SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });

  it.each(names)(
    '%s is live and becomes ready beside the others',
    async (name) => {
      await until(
        `${name} is ready`,
        () => get(name, '/healthz/ready'),
        ({ status }) => status === 200,
      );
      expect((await get(name, '/ready')).status).toBe(200);
      expect((await get(name, '/healthz/live')).status).toBe(200);
    },
    30_000,
  );

  it.each(names)("%s tells its metrics by Istio's names", async (name) => {
    const { text } = await get(name, '/metrics');
    for (const metric of metrics[name]) expect(text).toMatch(new RegExp(`^# TYPE ${metric} `, 'm'));
  });

  it.each(names)(
    "%s explains its options, and refuses one it doesn't have",
    (name) => {
      const run = (...flags: string[]) =>
        spawnSync(process.execPath, [join(root, 'apps', name, 'src/main.ts'), ...flags], { encoding: 'utf8' });
      const help = run('--help');
      expect([help.status, help.stdout]).toEqual([0, expect.stringContaining('--monitoring-port <port>')]);
      const wrong = run('--nonsense');
      expect([wrong.status, wrong.stderr]).toEqual([2, expect.stringContaining("unknown option '--nonsense'")]);
      const loud = run('--log-output-level', 'default:loud');
      expect([loud.status, loud.stderr]).toEqual([2, expect.stringContaining('is not one of trace, debug')]);
      const nowhere = run('--otlp-endpoint', 'nowhere');
      expect([nowhere.status, nowhere.stderr]).toEqual([
        2,
        expect.stringContaining('"nowhere" is not the address of a collector'),
      ]);
    },
    30_000,
  );
});
