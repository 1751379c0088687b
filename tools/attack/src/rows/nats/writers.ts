import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Program } from '@flotilla/tool-control-plane';
import { expect, table } from '../../attack.ts';
import { types } from '../../clients/ads.ts';
import type { Mesh } from '../../mesh/attacked-mesh.ts';
import { ownFolder } from '../all/alone.ts';

const entry = (host: string): string =>
  JSON.stringify({
    apiVersion: 'networking.istio.io/v1beta1',
    kind: 'ServiceEntry',
    metadata: { name: host.replace('.', '-'), namespace: 'shop' },
    spec: { hosts: [host], ports: [{ number: 80, name: 'http', protocol: 'HTTP' }], resolution: 'DNS' },
  });

/** A second galley of the same revision, which reads other files. */
function rival(mesh: Mesh, name: string): Program {
  const folder = join(ownFolder(mesh), 'config');
  mkdirSync(folder);
  for (const host of ['rival-a.test', 'rival-b.test', 'rival-c.test'])
    writeFileSync(join(folder, `${host}.json`), entry(host));
  return mesh.beside('galley', { name, flags: { 'config-dir': folder } });
}

/** Whether a sidecar that connects now has the mesh's services, the rival's, or some of both. */
async function whose(mesh: Mesh): Promise<'ours' | 'rival' | 'both' | 'none'> {
  const stream = await mesh.stream();
  stream.send({ typeUrl: types.cds });
  const { message } = await stream.next((response) => response.message.typeUrl === types.cds, 5000);
  stream.close();
  const names = 'removedResources' in message ? message.resources.map(({ name }) => name ?? '') : [];
  const [ours, theirs] = [
    ['catalog.test', 'stock.test'],
    ['rival-a.test', 'rival-b.test', 'rival-c.test'],
  ].map((hosts) => hosts.filter((host) => names.some((name) => name.endsWith(host))).length);
  if (ours === 2 && theirs === 0) return 'ours';
  if (ours === 0 && theirs === 3) return 'rival';
  return ours === 0 && theirs === 0 ? 'none' : 'both';
}
async function neverMixed(mesh: Mesh, seconds: number): Promise<void> {
  for (const until = Date.now() + seconds * 1000; Date.now() < until; await pause(150)) {
    const seen = await whose(mesh);
    expect('the services of one galley', seen, seen === 'ours' || seen === 'rival');
  }
}

/** Two galleys of one revision: a second replica, a rolling update. */
export const writers = table({ service: 'nats', kind: 'two-writers' }, [
  {
    // ddf8edd: a permanent mixture, and both said that they were ready.
    name: 'a second galley with other files',
    describe:
      'two writers: pilot has the services of one of them, never of both, and those of the mesh again once the other is gone',
    shapes: ['fleet'],
    form: 'short',
    deadlineMs: 60_000,
    disturbs: ['galley'],
    run: async (mesh) => {
      const second = rival(mesh, 'galley-second');
      second.start();
      await neverMixed(mesh, 6);
      await second.kill();
    },
  },
  {
    name: 'writers that are suspended in turn',
    describe: 'SIGSTOP to one, then to the other, while files change: never a mixture of both',
    shapes: ['fleet'],
    deadlineMs: 90_000,
    disturbs: ['galley'],
    run: async (mesh) => {
      const second = rival(mesh, 'galley-turn');
      second.start();
      await pause(2000);
      for (const program of [mesh.program('galley'), second, mesh.program('galley')]) {
        program.signal('SIGSTOP');
        for (let i = 0; i < 5; i += 1) mesh.write(`turn-${i}.json`, entry(`turn-${i}.test`));
        await neverMixed(mesh, 5);
        program.signal('SIGCONT');
      }
      await neverMixed(mesh, 3);
      await second.kill();
    },
  },
  {
    name: 'writers that are killed in turn',
    describe:
      'SIGKILL and restart of one, then of the other: never a mixture of both, the files of the mesh in the end',
    shapes: ['fleet'],
    deadlineMs: 90_000,
    disturbs: ['galley'],
    run: async (mesh) => {
      for (let i = 0; i < 3; i += 1) {
        const second = rival(mesh, `galley-end-${i}`);
        second.start();
        await pause(1500);
        await mesh.program('galley').kill();
        mesh.program('galley').start();
        await neverMixed(mesh, 3);
        await second.kill();
      }
    },
  },
  {
    name: 'a second galley with the same files',
    describe: "a rolling update: a sidecar's configuration stays as it is",
    shapes: ['fleet'],
    deadlineMs: 60_000,
    disturbs: ['galley'],
    run: async (mesh) => {
      const second = mesh.beside('galley', { name: 'galley-roll' });
      second.start();
      for (const until = Date.now() + 5000; Date.now() < until; await pause(200))
        expect('the services of the mesh', 'others', (await whose(mesh)) === 'ours');
      await second.kill();
    },
  },
]);
