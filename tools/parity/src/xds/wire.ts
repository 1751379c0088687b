import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { Unmet, type Area, type Outcome, type Run } from '../area.ts';
import { withControlPlane, writeAnswers } from './answers.ts';
import { createTestAuthority } from './control-plane.ts';
import { judge } from './judge.ts';
import { findScenarios, scenarioFolders } from './scenarios.ts';

/**
 * The second judge, `--dump PROGRAM`: a program with descriptors of its own (xdsdump) requests from pilot's plaintext
 * port what each proxy requests. It must read what this project's descriptors read, since those could be wrong on both
 * sides. Secrets are left out, because that port knows no identity.
 */
export const wire: Area = {
  about: 'what pilot sends must read the same with independent descriptors (--dump PROGRAM)',
  folders: scenarioFolders,
  find: findScenarios,
  compare: compareReadings,
};

async function* compareReadings({ folder, cases, dump }: Run): AsyncIterable<Outcome> {
  if (dump === undefined)
    throw new Unmet(
      'wire needs --dump PROGRAM, which reads the answers of a control plane with descriptors of its own',
    );
  if (!existsSync(dump)) throw new Unmet(`--dump ${dump}: the program does not exist`);
  const dir = mkdtempSync(join(tmpdir(), 'wire-'));
  const authority = createTestAuthority();
  for (const { path } of cases) {
    const scenario = basename(path);
    const [ours, theirs] = [join(dir, 'ours', scenario, 'expected'), join(dir, 'theirs', scenario)];
    await withControlPlane(path, authority, async (plane, read) => {
      await writeAnswers(ours, { plane, scenario: read, authority });
      mkdirSync(theirs, { recursive: true });
      const child = spawn(
        dump,
        ['-addr', plane.plaintext, '-scenario', join(path, 'proxies.yaml'), '-out', theirs, '-wait', '1s'],
        { stdio: ['ignore', 'ignore', 'inherit'] },
      );
      const [code] = (await once(child, 'exit')) as [number | null];
      if (code !== 0) throw new Error(`${dump} ended with exit code ${code} on ${scenario}`);
    });
    for (const answers of [ours, theirs])
      for (const file of readdirSync(answers)) if (file.endsWith('.sds.json')) rmSync(join(answers, file));
  }
  const differences = judge({ expected: join(dir, 'ours'), actual: join(dir, 'theirs'), folder });
  for (const { name, path } of cases) yield { name, difference: differences.get(basename(path)) };
}
