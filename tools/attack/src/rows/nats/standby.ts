import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Broken, expect, table, type Attack } from '../../attack.ts';
import type { Mesh } from '../../mesh/attacked-mesh.ts';
import type { Program } from '@flotilla/tool-control-plane';

const shapes = ['fleet'] as const;
const monitoringPort = 15_014;

/** What a galley says of its part on the bus. */
async function roleOf({ address }: Program): Promise<string> {
  const answer = await fetch(`http://${address}:${monitoringPort}/debug/bus`, {
    signal: AbortSignal.timeout(2000),
    headers: { connection: 'close' },
  });
  return ((await answer.json()) as { role: string }).role;
}

async function untilRole(galley: Program, role: 'active' | 'standby', limitMs = 15_000): Promise<void> {
  let seen = 'nothing';
  for (const until = Date.now() + limitMs; Date.now() < until; await pause(50)) {
    seen = await roleOf(galley).catch(String);
    if (seen === role) return;
  }
  throw new Broken(`${galley.name} to be ${role} within ${limitMs / 1000} s`, seen);
}

/** A second galley, with another configuration: what it writes would show in what sidecars have. */
async function secondGalley(mesh: Mesh): Promise<Program> {
  const folder = join(mesh.folder, 'other');
  mkdirSync(folder, { recursive: true });
  const [metadata, spec] = [
    { name: 'other', namespace: 'shop' },
    { hosts: ['other.test'], ports: [{ number: 80, name: 'http', protocol: 'HTTP' }] },
  ];
  writeFileSync(
    join(folder, 'other.json'),
    JSON.stringify({ apiVersion: 'networking.istio.io/v1beta1', kind: 'ServiceEntry', metadata, spec }),
  );
  mesh.onClose(() => rmSync(folder, { recursive: true, force: true }));
  const second = mesh.beside('galley', { name: 'galley-2', flags: { 'config-dir': folder } });
  second.start();
  await second.ready();
  return second;
}

/**
 * Which part each of two galleys has. After each row the second one is killed, and the first has to take over again.
 */
export const standbys: readonly Attack[] = table({ service: 'galley', kind: 'standby' }, [
  {
    shapes,
    form: 'short',
    name: 'a second galley',
    describe: 'a second galley starts with another configuration: it is on standby and ready, and changes nothing',
    run: async (mesh) => {
      const second = await secondGalley(mesh);
      await untilRole(second, 'standby');
      expect('active', await roleOf(mesh.program('galley')), (await roleOf(mesh.program('galley'))) === 'active');
    },
  },
  {
    shapes,
    disturbs: ['galley'],
    name: 'the active galley killed',
    describe: 'the active galley is killed: the second takes over, and the first again once the second is gone',
    run: async (mesh) => {
      const second = await secondGalley(mesh);
      await mesh.program('galley').kill();
      await untilRole(second, 'active');
    },
  },
  {
    shapes,
    form: 'short',
    disturbs: ['galley'],
    name: 'the active galley stopped and resumed',
    describe:
      'the active galley is suspended until the second has taken over: it writes nothing when it resumes, and steps down',
    run: async (mesh) => {
      const first = mesh.program('galley');
      const second = await secondGalley(mesh);
      first.signal('SIGSTOP');
      try {
        await untilRole(second, 'active');
      } finally {
        first.signal('SIGCONT');
      }
      await untilRole(first, 'standby');
      expect('active', await roleOf(second), (await roleOf(second)) === 'active');
    },
  },
  {
    shapes,
    disturbs: ['nats'],
    name: 'nats-server restarted empty under two galleys',
    describe: 'nats-server is killed and restarts without its store: one of the two writes the log again',
    run: async (mesh) => {
      const second = await secondGalley(mesh);
      await restartEmpty(mesh);
      const galleys = [mesh.program('galley'), second];
      let roles = '';
      for (const until = Date.now() + 15_000; Date.now() < until && roles !== 'active,standby'; await pause(50)) {
        roles = (await Promise.all(galleys.map((galley) => roleOf(galley).catch(String)))).toSorted().join();
      }
      expect('active,standby', roles, roles === 'active,standby');
    },
  },
]);

async function restartEmpty(mesh: Mesh): Promise<void> {
  const nats = mesh.program('nats');
  await nats.kill();
  rmSync(join(mesh.folder, 'state/store'), { recursive: true, force: true });
  nats.start();
}

/** What can happen to the store of nats-server. */
export const stores: readonly Attack[] = table({ service: 'nats', kind: 'nats-store' }, [
  {
    shapes,
    form: 'short',
    disturbs: ['nats'],
    name: 'killed and restarted empty',
    describe: 'nats-server restarts without its store: galley writes the log again, and sidecars keep what they have',
    run: restartEmpty,
  },
]);
