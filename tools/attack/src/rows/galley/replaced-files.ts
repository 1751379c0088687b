import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { table, type Attack } from '../../attack.ts';
import { types } from '../../clients/ads.ts';
import type { Mesh } from '../../mesh/attacked-mesh.ts';
import { ports, resource } from './huge.ts';

type Row = Omit<Attack, 'service' | 'kind'>;
const file = 'replaced.json';
const entry = (host: string): string =>
  JSON.stringify(
    resource('ServiceEntry', { hosts: [host], ports, resolution: 'STATIC', endpoints: [{ address: '10.3.3.3' }] }),
  );
const cluster = (host: string): string => `outbound|80||${host}`;

/** Resolves when a sidecar has got the cluster of a host; rejects when that takes too long. */
async function reachesSidecar(mesh: Mesh, host: string): Promise<void> {
  const stream = await mesh.stream();
  stream.send({ typeUrl: types.cds, resourceNamesSubscribe: ['*'] });
  await stream.next(
    ({ message }) => 'removedResources' in message && message.resources.some(({ name }) => name === cluster(host)),
    10_000,
  );
  stream.close();
}

/** A row in which a file that is in force is replaced by something else, then by a file again, which must be read. */
const becomes = (name: string, replace: (path: string, mesh: Mesh) => unknown): Row => ({
  name: `a file that becomes ${name}`,
  describe: `a file is replaced by ${name} and then by a file again: other changes are not delayed, and the last file is read`,
  deadlineMs: 45_000,
  run: async (mesh) => {
    mesh.write(file, entry('before.test'));
    await reachesSidecar(mesh, 'before.test');
    const path = join(mesh.configFolder, file);
    for (let i = 0; i < 10; i += 1) {
      rmSync(path, { recursive: true, force: true });
      await replace(path, mesh);
      await pause(100);
    }
    await pause(1000);
    rmSync(path, { recursive: true, force: true });
    mesh.write(file, entry('after.test'));
    await reachesSidecar(mesh, 'after.test');
  },
});

/** Watched files that are replaced by folders, links and other things. */
export const replacedFiles = table({ service: 'galley', kind: 'replaced files' }, [
  becomes('a pipe', (path) => execFileSync('mkfifo', [path])),
  becomes(
    'a socket',
    (path, mesh) =>
      new Promise<void>((resolve) => {
        const server = createServer().on('error', () => resolve());
        mesh.onClose(() => server.close());
        server.listen(path, resolve);
      }),
  ),
  becomes('a folder of folders', (path) => mkdirSync(join(path, 'a/b/c'), { recursive: true })),
  becomes('a dangling link', (path) => symlinkSync('nowhere', path)),
  becomes('a link to itself', (path) => symlinkSync(file, path)),
  becomes('a link to a device', (path) => symlinkSync('/dev/zero', path)),
  becomes('a link to its own folder', (path) => symlinkSync('.', path)),
  becomes('a sparse file with 3 TB', (path) => {
    writeFileSync(path, '');
    truncateSync(path, 3e12);
  }),
  becomes('half of the file', (path) => writeFileSync(path, entry('half.test').slice(0, 60))),
  becomes('nothing', () => {}),
]);
