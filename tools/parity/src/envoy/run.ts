import { spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isInNode, nodeCommand, whyNoNode } from '@flotilla/demo';
import { messageOf } from '@flotilla/std';
import { Unmet, type Area, type Outcome, type Run } from '../area.ts';
import { withControlPlane } from '../xds/answers.ts';
import { createTestAuthority } from '../xds/control-plane.ts';
import type { ScenarioProxy } from '../xds/scenario.ts';
import { featureNeeded, findScenarios, scenarioFolders } from '../xds/scenarios.ts';
import { runEnvoy } from './envoy.ts';
import { envoyBinary, envoyVersions } from './versions.ts';

/** Proxyless gRPC clients are no Envoys. */
const isEnvoy = ({ node }: ScenarioProxy): boolean => node.metadata['GENERATOR'] !== 'grpc';

/**
 * Lets a real Envoy play each proxy of a scenario. Resolves with what it refused or is left waiting for, each with the
 * proxy's name; empty when it took all. Needs a network of its own (isInNode), in which any address may be listened on.
 * Throws Unmet where this Envoy is missing.
 */
export async function serveEnvoys(scenario: string, version?: string): Promise<readonly string[]> {
  const binary = envoyBinary(version);
  for (const family of ['ipv4', 'ipv6']) writeFileSync(`/proc/sys/net/${family}/ip_nonlocal_bind`, '1');
  const folder = mkdtempSync(join(tmpdir(), 'envoy-'));
  const authority = createTestAuthority();
  const found: string[] = [];
  await withControlPlane(scenario, authority, async ({ address }, { proxies }) => {
    for (const proxy of proxies.filter(isEnvoy)) {
      const options = {
        proxy,
        discovery: address,
        certificate: authority.issue(proxy.identity),
        folder: join(folder, proxy.name),
      };
      const problems = await runEnvoy(binary, options).catch((thrown: unknown) => [messageOf(thrown)]);
      found.push(...problems.map((problem) => `${proxy.name}: ${problem}`));
    }
  });
  return found;
}

/** A real stock Envoy plays each proxy of each scenario; it must reject nothing and be left waiting for nothing. */
export const envoy: Area = {
  about: `a real stock Envoy (${envoyVersions.join(' or ')}) must accept what each proxy of a scenario is sent`,
  folders: scenarioFolders,
  find: findScenarios,
  needs: featureNeeded,
  enter({ envoy: version }) {
    envoyBinary(version);
    return isInNode() ? undefined : again();
  },
  compare: playProxies,
};

async function* playProxies({ cases, envoy: version }: Run): AsyncIterable<Outcome> {
  for (const { name, path } of cases) {
    const found = await serveEnvoys(path, version);
    yield { name, ...(found.length > 0 ? { difference: found.join('\n') } : {}) };
  }
}

/** The same command in a network of its own. Throws Unmet where that can't be made. */
function again(): number {
  const why = whyNoNode();
  if (why !== undefined) throw new Unmet(why);
  const [program = '', ...args] = nodeCommand(process.argv);
  return spawnSync(program, args, { stdio: 'inherit' }).status ?? 1;
}
