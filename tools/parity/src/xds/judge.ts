import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { Unmet } from '../area.ts';
import { findShared } from '../corpus/locate.ts';

/** Two folders of answers. */
export interface Judged {
  readonly expected: string;
  readonly actual: string;
  /** The folder of the corpus that the expected answers belong to: the judge is near it. */
  readonly folder: string;
}

/**
 * Lets xdsdiff.py, which belongs to the corpus, compare answers: FLOTILLA_XDSDIFF or `tools/xdsdiff.py` in a folder
 * above. Returns the first difference of each scenario that has one. Throws Unmet where the judge is missing.
 */
export function judge({ expected, actual, folder }: Judged): ReadonlyMap<string, string> {
  const program = process.env['FLOTILLA_XDSDIFF'] ?? findShared(folder, 'tools/xdsdiff.py');
  if (program === undefined || !existsSync(program))
    throw new Unmet(`no tools/xdsdiff.py in or above ${folder}: name it in FLOTILLA_XDSDIFF`);
  const { stdout, stderr } = spawnSync('python3', [program, expected, '--actual', actual, '--show', '1'], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (!/^scenarios \d+\/\d+/m.test(stdout)) throw new Error(`the judge failed: ${stderr || stdout}`);
  return new Map(
    stdout.split(/^(?=\S+: \d+ differ$)/m).flatMap((block) => {
      const [, name, first = ''] = /^(\S+): \d+ differ\n((?: .*\n)*)/.exec(block) ?? [];
      return name === undefined ? [] : [[name, first.trimEnd()]];
    }),
  );
}
