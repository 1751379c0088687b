import { spawnSync } from 'node:child_process';
import { renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, table } from '../../attack.ts';
import { entry, folder, pathOf } from './config-folder.ts';
import { problemsOf, untilProblem } from './problems.ts';

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
          renameSync(pathOf(mesh, `${from}.json`), pathOf(mesh, `${to}.json`));
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
        rmSync(pathOf(mesh, 'gone'), { recursive: true });
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
        unlinkSync(pathOf(mesh, 'what.yaml'));
        folder(mesh, 'what.yaml');
        rmSync(pathOf(mesh, 'what.yaml'), { recursive: true });
        symlinkSync('/dev/null', pathOf(mesh, 'what.yaml'));
        unlinkSync(pathOf(mesh, 'what.yaml'));
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
