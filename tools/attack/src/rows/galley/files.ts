import { execFileSync } from 'node:child_process';
import { chmodSync, linkSync, mkdirSync, openSync, closeSync, symlinkSync, writeFileSync, writeSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Skipped, table } from '../../attack.ts';
import type { Mesh } from '../../mesh/attacked-mesh.ts';
import { entry, folder, pathOf } from './config-folder.ts';
import { untilProblem } from './problems.ts';

/** What galley has to say about a row is said by then. */
const settle = (): Promise<void> => pause(1500);

/** What a folder may hold that is not a file of configuration. */
export const files = table({ service: 'galley', kind: 'files' }, [
  {
    // ddf8edd: 2^32 paths, the process never answered again.
    name: 'two folders with two links to each other',
    form: 'quick',
    describe: 'circular links: each folder is read once',
    run: async (mesh) => {
      for (const [from, to] of [
        ['a', 'b'],
        ['b', 'a'],
      ] as const) {
        folder(mesh, from);
        for (const name of ['x', 'y']) symlinkSync(`../${to}`, join(pathOf(mesh, from), name));
      }
      await settle();
    },
  },
  {
    name: 'twelve folders with links to each other',
    describe: 'a web of links: each folder is read once',
    run: async (mesh) => {
      const names = Array.from({ length: 12 }, (_, i) => `web${i}`);
      for (const name of names) folder(mesh, name);
      for (const from of names) for (const to of names) symlinkSync(`../${to}`, join(pathOf(mesh, from), to));
      await settle();
    },
  },
  {
    name: 'a link to itself',
    describe: 'a link to its own path: a problem',
    run: async (mesh) => {
      symlinkSync('self.yaml', pathOf(mesh, 'self.yaml'));
      await untilProblem(mesh, 'self.yaml');
    },
  },
  {
    name: 'a link to the root of the file system',
    describe: 'a link to /: limits apply, other changes are not delayed',
    form: 'short',
    run: async (mesh) => {
      symlinkSync('/', pathOf(mesh, 'root'));
      await settle();
    },
  },
  {
    name: 'a link to /proc',
    describe: 'a link to /proc: limits apply, other changes are not delayed',
    run: async (mesh) => {
      symlinkSync('/proc', pathOf(mesh, 'proc'));
      await settle();
    },
  },
  {
    // c662140: the holders were sorted for each file, 8 s of CPU in one turn for 20,000 at a start.
    name: '8,000 files with the same resource',
    describe: 'one resource in 8,000 files: the first file applies, other changes are not delayed',
    deadlineMs: 60_000,
    run: async (mesh) => {
      const path = folder(mesh, 'same');
      for (let i = 0; i < 8000; i += 1) writeFileSync(join(path, `${i}.json`), entry('same'));
      await settle();
    },
  },
  ...['/dev/zero', '/dev/random', '/dev/tty'].map((device) => ({
    name: `a link to ${device}`,
    describe: 'a device instead of a file: a problem, and it is not read',
    run: async (mesh: Mesh) => {
      symlinkSync(device, pathOf(mesh, 'device.yaml'));
      await untilProblem(mesh, 'device.yaml');
    },
  })),
  {
    name: 'a pipe',
    describe: 'a pipe without a writer: a problem, other changes are not delayed',
    form: 'short',
    run: async (mesh) => {
      execFileSync('mkfifo', [pathOf(mesh, 'pipe.yaml')]);
      await untilProblem(mesh, 'pipe.yaml');
    },
  },
  {
    name: 'a socket',
    describe: 'a socket instead of a file: a problem',
    run: async (mesh) => {
      const server = createServer().listen(pathOf(mesh, 's.yaml'));
      mesh.onClose(() => server.close());
      await untilProblem(mesh, 's.yaml');
    },
  },
  {
    name: 'a folder named like a file',
    describe: 'a folder named like a file: the files in it and beside it are read',
    run: async (mesh) => {
      folder(mesh, 'folder.yaml');
      mesh.write('folder.yaml/bad.yaml', 'a: [');
      await untilProblem(mesh, 'bad.yaml');
    },
  },
  {
    name: 'an unreadable file',
    describe: 'a file without read permission: a problem',
    run: async (mesh) => {
      if (process.getuid?.() === 0) throw new Skipped('root may read every file');
      mesh.write('secret.yaml', 'a: 1');
      chmodSync(pathOf(mesh, 'secret.yaml'), 0);
      await untilProblem(mesh, 'secret.yaml');
    },
  },
  {
    // ddf8edd: silently skipped.
    name: 'a name that is not valid UTF-8',
    form: 'short',
    describe: 'a file whose name is not valid UTF-8: a problem, it is not skipped silently',
    run: async (mesh) => {
      writeFileSync(
        Buffer.concat([Buffer.from(`${mesh.configFolder}/bad-`), Buffer.from([0xff, 0xfe]), Buffer.from('.yaml')]),
        entry('non-utf8'),
      );
      await untilProblem(mesh, 'bad-');
    },
  },
  {
    name: 'a name with 255 bytes',
    describe: 'the longest name that a file system allows: read',
    run: async (mesh) => {
      mesh.write(`${'n'.repeat(250)}.yaml`, 'a: [');
      await untilProblem(mesh, 'nnnnnnnn');
    },
  },
  {
    name: '200 nested folders',
    describe: 'deeply nested folders: limits apply, other changes are not delayed',
    run: async (mesh) => {
      mkdirSync(pathOf(mesh, 'd/'.repeat(200)), { recursive: true });
      await settle();
    },
  },
  {
    name: '5,000 files',
    describe: '5,000 small files at once: all are read, other changes are not delayed',
    deadlineMs: 60_000,
    run: async (mesh) => {
      folder(mesh, 'many');
      for (let i = 0; i < 5000; i += 1) writeFileSync(pathOf(mesh, `many/${i}.json`), entry(`many-${i}`));
      mesh.write('zz-last.yaml', 'a: [');
      await untilProblem(mesh, 'zz-last.yaml', 40_000);
    },
  },
  {
    name: '5,000 empty folders',
    describe: '5,000 folders: limits apply, other changes are not delayed',
    deadlineMs: 60_000,
    run: async (mesh) => {
      for (let i = 0; i < 5000; i += 1) folder(mesh, `e/${i}`);
      await settle();
    },
  },
  {
    name: 'a file that keeps growing',
    describe: 'a file that is written to for 5 s: others are read meanwhile',
    run: async (mesh) => {
      const file = openSync(pathOf(mesh, 'grows.yaml'), 'w');
      mesh.onClose(() => closeSync(file));
      for (const until = Date.now() + 5000; Date.now() < until; await pause(5))
        writeSync(file, '# still writing ...................................................\n');
    },
  },
  {
    name: '1,000 links to one file',
    describe: 'one large file under 1,000 names: limits apply, other changes are not delayed',
    deadlineMs: 60_000,
    run: async (mesh) => {
      mesh.write(
        'one.json',
        JSON.stringify({
          kind: 'List',
          items: Array.from({ length: 300 }, (_, i) => JSON.parse(entry(`linked-${i}`)) as unknown),
        }),
      );
      for (let i = 0; i < 1000; i += 1) linkSync(pathOf(mesh, 'one.json'), pathOf(mesh, `one-${i}.json`));
      await pause(4000);
    },
  },
  {
    name: 'a file on a full disk',
    describe: 'a truncated file: the last good version stays in force',
    run: async (mesh) => {
      mesh.write('cut.json', entry('cut'));
      await settle();
      mesh.write('cut.json', entry('cut').slice(0, 100));
      await untilProblem(mesh, 'cut.json');
    },
  },
]);
