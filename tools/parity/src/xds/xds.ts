import { mkdtempSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { messageOf } from '@flotilla/std';
import type { Area, Case, Outcome, Run } from '../area.ts';
import { withControlPlane, writeAnswers } from './answers.ts';
import { createTestAuthority } from './control-plane.ts';
import { judge } from './judge.ts';
import { featureNeeded, findScenarios, scenarioFolders } from './scenarios.ts';

/** Takes each scenario through the services; the corpus' judge compares what they answer. */
export const xds: Area = {
  about: "what pilot sends each proxy of a scenario must equal istiod's answers",
  folders: scenarioFolders,
  find: findScenarios,
  needs: featureNeeded,
  compare: compareScenarios,
};

async function* compareScenarios({ folder, cases, out }: Run): AsyncIterable<Outcome> {
  const actual = out ?? mkdtempSync(join(tmpdir(), 'answers-'));
  const authority = createTestAuthority();
  const took = new Map<Case, number>();
  const failed = new Map<Case, string>();
  for (const one of cases) {
    const begun = performance.now();
    await withControlPlane(one.path, authority, (plane, scenario) =>
      writeAnswers(join(actual, basename(one.path)), { plane, scenario, authority }),
    ).catch((thrown: unknown) => failed.set(one, messageOf(thrown)));
    took.set(one, performance.now() - begun);
  }
  const differences = judge({ expected: folderOf(cases), actual, folder });
  for (const one of cases)
    yield {
      name: one.name,
      difference: failed.get(one) ?? differences.get(basename(one.path)),
      ms: took.get(one) ?? 0,
    };
}

/** The judge reads whole folders: this one contains only these cases. */
function folderOf(cases: readonly Case[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'cases-'));
  for (const { path } of cases) symlinkSync(path, join(folder, basename(path)));
  return folder;
}
