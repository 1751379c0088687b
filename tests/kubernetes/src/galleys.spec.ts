import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { getLease, resources } from '@flotilla/kube-port';
import { startControlPlane, type ControlPlane, type Program } from '@flotilla/tool-control-plane';
import { becomes, openApiServer, type TestApiServer } from './api-server.ts';

const deadlineMs = 300_000;
const lease = { namespace: 'istio-system', name: 'galley' };

const page = async <T>({ address }: Program, path: string): Promise<T> =>
  (await (await fetch(`http://${address}:15014${path}`)).json()) as T;
const leader = (program: Program) =>
  page<{ readonly isLeader: boolean; readonly identity: string; readonly holder: string | null }>(
    program,
    '/debug/leader',
  );
const role = async (program: Program): Promise<string> => (await page<{ role: string }>(program, '/debug/bus')).role;

describe('two galleys that read one API server', () => {
  let server: TestApiServer;
  let folder: string;
  let controlPlane: ControlPlane | undefined;
  beforeAll(async () => {
    server = await openApiServer();
    folder = mkdtempSync(join(tmpdir(), 'flotilla-galleys-'));
    const metadata = { name: lease.namespace };
    await server.admin.create(resources.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata });
  }, 600_000);
  afterEach(async () => {
    await controlPlane?.stop();
    await server.admin.delete(resources.leases, lease);
  });
  afterAll(() => server.close());

  it.each(['nats', 'grpc'])(
    'over %s are ready both, one leads, and the other one does as soon as that one stops',
    async (bus) => {
      controlPlane = await startControlPlane({
        mode: 'fleet',
        config: folder,
        state: join(folder, bus),
        without: ['pilot', 'sidecar-injector'],
        flags: { galley: { bus, source: 'kubernetes', kubeconfig: server.running.kubeconfig } },
      });
      const first = controlPlane.programs.find(({ name }) => name === 'galley');
      if (!first) throw new Error('no galley');
      await becomes(async () => (await leader(first)).isLeader);
      const second = controlPlane.beside('galley', { name: 'second' });
      second.start();
      await second.ready();
      await becomes(async () => (await leader(second)).holder === (await leader(first)).identity);
      expect((await leader(second)).isLeader).toBe(false);
      expect(await (await fetch(`http://${second.address}:15014/ready`)).text()).toContain('does not lead: ');
      if (bus === 'nats') await becomes(async () => (await role(first)) === 'active');
      expect(await role(second)).toBe(bus === 'nats' ? 'standby' : 'active');

      await first.stop();
      expect(first.ending).toBe('exit code 0');
      const released = await getLease(server.admin, lease);
      expect(['', (await leader(second)).identity]).toContain(released?.holder);
      await becomes(async () => (await leader(second)).isLeader);
      await becomes(async () => (await role(second)) === 'active');
      const log = readFileSync(second.logFile, 'utf8');
      expect(log).toContain('became the leader');
      expect(await getLease(server.admin, lease)).toMatchObject({ transitions: 1 });
    },
    deadlineMs,
  );
});
