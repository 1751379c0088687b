import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  linkSync,
  mkdirSync,
  openSync,
  closeSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, Skipped, table } from '../../attack.ts';
import type { Mesh } from '../../mesh/attacked-mesh.ts';
import { problemsOf, untilProblem } from './problems.ts';

const at = (mesh: Mesh, name: string): string => join(mesh.configFolder, name);
const folder = (mesh: Mesh, name: string): string => {
  mkdirSync(at(mesh, name), { recursive: true });
  return at(mesh, name);
};
const entry = (name: string): string =>
  JSON.stringify({
    apiVersion: 'networking.istio.io/v1beta1',
    kind: 'ServiceEntry',
    metadata: { name, namespace: 'other' },
    spec: {
      hosts: [`${name}.test`],
      exportTo: ['.'],
      ports: [{ number: 80, name: 'http', protocol: 'HTTP' }],
      resolution: 'DNS',
    },
  });
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
        for (const name of ['x', 'y']) symlinkSync(`../${to}`, join(at(mesh, from), name));
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
      for (const from of names) for (const to of names) symlinkSync(`../${to}`, join(at(mesh, from), to));
      await settle();
    },
  },
  {
    name: 'a link to itself',
    describe: 'a link to its own path: a problem',
    run: async (mesh) => {
      symlinkSync('self.yaml', at(mesh, 'self.yaml'));
      await untilProblem(mesh, 'self.yaml');
    },
  },
  {
    name: 'a link to the root of the file system',
    describe: 'a link to /: limits apply, other changes are not delayed',
    form: 'short',
    run: async (mesh) => {
      symlinkSync('/', at(mesh, 'root'));
      await settle();
    },
  },
  {
    name: 'a link to /proc',
    describe: 'a link to /proc: limits apply, other changes are not delayed',
    run: async (mesh) => {
      symlinkSync('/proc', at(mesh, 'proc'));
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
      symlinkSync(device, at(mesh, 'device.yaml'));
      await untilProblem(mesh, 'device.yaml');
    },
  })),
  {
    name: 'a pipe',
    describe: 'a pipe without a writer: a problem, other changes are not delayed',
    form: 'short',
    run: async (mesh) => {
      execFileSync('mkfifo', [at(mesh, 'pipe.yaml')]);
      await untilProblem(mesh, 'pipe.yaml');
    },
  },
  {
    name: 'a socket',
    describe: 'a socket instead of a file: a problem',
    run: async (mesh) => {
      const server = createServer().listen(at(mesh, 's.yaml'));
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
      chmodSync(at(mesh, 'secret.yaml'), 0);
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
      mkdirSync(at(mesh, 'd/'.repeat(200)), { recursive: true });
      await settle();
    },
  },
  {
    name: '5,000 files',
    describe: '5,000 small files at once: all are read, other changes are not delayed',
    deadlineMs: 60_000,
    run: async (mesh) => {
      folder(mesh, 'many');
      for (let i = 0; i < 5000; i += 1) writeFileSync(at(mesh, `many/${i}.json`), entry(`many-${i}`));
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
      const file = openSync(at(mesh, 'grows.yaml'), 'w');
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
      for (let i = 0; i < 1000; i += 1) linkSync(at(mesh, 'one.json'), at(mesh, `one-${i}.json`));
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

/** Files that change faster than they can be read. */
export const churn = table({ service: 'galley', kind: 'churn' }, [
  {
    name: '2,000 versions of one file',
    describe: 'a file that is rewritten as fast as possible: its last version is read, other changes are not delayed',
    form: 'short',
    run: async (mesh) => {
      for (let i = 0; i < 2000; i += 1) {
        mesh.write('churn.json', entry(`churn-${i}`));
        if (i % 50 === 0) await pause(1);
      }
      mesh.write('churn.json', 'a: [');
      await untilProblem(mesh, 'churn.json');
    },
  },
  {
    name: 'two files that swap names',
    describe: 'two files that swap names 1,000 times: other changes are not delayed, nothing stale is left',
    run: async (mesh) => {
      for (const name of ['left', 'right']) mesh.write(`${name}.json`, entry(name));
      for (let i = 0; i < 1000; i += 1) {
        for (const [from, to] of [
          ['left', 'spare'],
          ['right', 'left'],
          ['spare', 'right'],
        ] as const)
          renameSync(at(mesh, `${from}.json`), at(mesh, `${to}.json`));
        if (i % 50 === 0) await pause(1);
      }
    },
  },
  {
    name: 'folders that come and go',
    describe: '300 folders created and removed with their files: other changes are not delayed, nothing stale is left',
    run: async (mesh) => {
      for (let i = 0; i < 300; i += 1) {
        mesh.write('gone/a.json', entry(`gone-${i}`));
        rmSync(at(mesh, 'gone'), { recursive: true });
        if (i % 10 === 0) await pause(1);
      }
    },
  },
  {
    name: 'a file that becomes a folder',
    describe: 'one name that is a file, a folder and a link in turn: other changes are not delayed',
    run: async (mesh) => {
      for (let i = 0; i < 100; i += 1) {
        mesh.write('what.yaml', entry('what'));
        unlinkSync(at(mesh, 'what.yaml'));
        folder(mesh, 'what.yaml');
        rmSync(at(mesh, 'what.yaml'), { recursive: true });
        symlinkSync('/dev/null', at(mesh, 'what.yaml'));
        unlinkSync(at(mesh, 'what.yaml'));
        if (i % 10 === 0) await pause(1);
      }
    },
  },
  {
    name: 'valid and broken versions in turn',
    describe: '200 versions, every other one broken: the last good version stays in force',
    run: async (mesh) => {
      for (let i = 0; i < 200; i += 1) {
        mesh.write('turn.json', i % 2 === 0 ? entry('turn') : '{"apiVersion":');
        await pause(5);
      }
      await untilProblem(mesh, 'turn.json');
      expect(
        'one problem with the file',
        'more',
        (await problemsOf(mesh)).filter(({ origin }) => origin?.includes('turn.json')).length <= 2,
      );
    },
  },
  {
    name: 'a file of the mesh itself',
    describe:
      'the file that a sidecar watches, broken and repaired 20 times: the last good version stays in force until the next one',
    run: async (mesh) => {
      const own = join(mesh.folder, 'config/heartbeat.json');
      for (let i = 0; i < 20; i += 1) {
        writeFileSync(join(mesh.folder, 'draft'), '{"apiVersion":');
        renameSync(join(mesh.folder, 'draft'), own);
        await pause(20);
      }
    },
  },
  {
    name: 'every file touched',
    describe: '100 times `touch` on all files: a sidecar is sent nothing',
    run: async (mesh) => {
      for (let i = 0; i < 100; i += 1) {
        spawnSync('find', [join(mesh.folder, 'config'), '-type', 'f', '-exec', 'touch', '{}', '+']);
        await pause(5);
      }
    },
  },
]);
