import { mkdtempSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { createRoots } from './roots.ts';

describe('files of roots', () => {
  let folder: string;
  let problems: string[];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'flotilla-roots-'));
    problems = [];
  });

  it.each([
    ['without a certificate', (file: string) => writeFileSync(file, 'garbage'), 'it holds no PEM certificate'],
    [
      'that are too large',
      (file: string) => {
        writeFileSync(file, '');
        truncateSync(file, (8 << 20) + 1);
      },
      'it has more than 8388608 bytes',
    ],
  ])('%s are reported, and the other roots are trusted', async (_name, write, reason) => {
    const file = join(folder, 'roots.pem');
    write(file);
    const onProblem = (message: string): void => void problems.push(message);
    for (const files of [
      { rootsFile: undefined, extraRootsFile: file },
      { rootsFile: file, extraRootsFile: join(folder, 'missing.pem') },
    ]) {
      expect(await createRoots({ ...files, onProblem })()).toBeDefined();
      expect(problems.splice(0)).toEqual([`${file} cannot be used, so that only other roots are trusted: ${reason}`]);
    }
  });
});
