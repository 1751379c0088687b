import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { askAll } from './ask.ts';
import { startControlPlane, type ControlPlane, type TestAuthority } from './control-plane.ts';
import { readScenario, type Scenario } from './scenario.ts';

/** Runs the services on a scenario until `use` has finished. */
export async function withControlPlane(
  folder: string,
  authority: TestAuthority,
  use: (plane: ControlPlane, scenario: Scenario) => Promise<void>,
): Promise<void> {
  const scenario = readScenario(folder);
  const plane = await startControlPlane(scenario, authority);
  try {
    await use(plane, scenario);
  } finally {
    await plane.close();
  }
}

/** Who asks which control plane. */
export interface Asking {
  readonly plane: ControlPlane;
  readonly scenario: Scenario;
  readonly authority: TestAuthority;
}

/** Writes what pilot answers each proxy of a scenario, in the judge's layout: `PROXY.KIND.json`. */
export async function writeAnswers(folder: string, { plane, scenario, authority }: Asking): Promise<void> {
  mkdirSync(folder, { recursive: true });
  for (const proxy of scenario.proxies) {
    const answers = await askAll(plane.address, proxy, authority.issue(proxy.identity));
    for (const [kind, resources] of Object.entries(answers))
      writeFileSync(join(folder, `${proxy.name}.${kind}.json`), JSON.stringify(resources, null, 1));
  }
}
