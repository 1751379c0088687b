import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isInNode, nodeCommand, whyNoNode } from '@flotilla/demo';
import { messageOf } from '@flotilla/std';
import { createTestAuthority } from '../control-plane.ts';
import type { ScenarioProxy } from '../scenario.ts';
import { scenariosIn, Unmet, withControlPlane, type ParityOptions } from '../xds.ts';
import { runEnvoy } from './envoy.ts';

/** Proxyless gRPC clients are no Envoys. */
const isEnvoy = ({ node }: ScenarioProxy): boolean => node.metadata['GENERATOR'] !== 'grpc';

/**
 * Lets a real Envoy (ENVOY_BIN) play each proxy of a scenario. Resolves with what it refused or is left waiting for,
 * each with the proxy's name; empty when it took all. Needs a network of its own (isInNode), in which any address may
 * be listened on.
 */
export async function serveEnvoys(scenario: string): Promise<readonly string[]> {
  for (const family of ['ipv4', 'ipv6']) writeFileSync(`/proc/sys/net/${family}/ip_nonlocal_bind`, '1');
  const folder = mkdtempSync(join(tmpdir(), 'parity-envoy-'));
  const authority = createTestAuthority();
  const found: string[] = [];
  try {
    await withControlPlane(scenario, authority, async ({ address }, { proxies }) => {
      for (const proxy of proxies.filter(isEnvoy)) {
        const options = {
          proxy,
          discovery: address,
          certificate: authority.issue(proxy.identity),
          folder: join(folder, proxy.name),
        };
        const problems = await runEnvoy(process.env['ENVOY_BIN'] ?? '', options).catch((thrown: unknown) => [
          messageOf(thrown),
        ]);
        found.push(...problems.map((problem) => `${proxy.name}: ${problem}`));
      }
    });
    return found;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * `npm run parity -- envoy`: a real stock Envoy plays each proxy of each scenario, and must refuse nothing of what it
 * is sent and be left waiting for nothing. Prints what it did and, last, `cases A/B`. Returns the exit code.
 */
export async function runEnvoys({ corpus, only, json }: ParityOptions): Promise<number> {
  if (!existsSync(process.env['ENVOY_BIN'] ?? '')) throw new Unmet('no Envoy: name one in ENVOY_BIN');
  const names = scenariosIn(corpus, only);
  if (!isInNode()) return again();
  let agree = 0;
  for (const [i, name] of names.entries()) {
    const found = await serveEnvoys(join(corpus, name));
    if (found.length === 0) agree += 1;
    if (!json)
      console.log(
        `${i + 1}/${names.length} ${name}: ${found.length === 0 ? 'taken' : `differs\n  ${found.join('\n  ')}`}`,
      );
  }
  console.log(json ? JSON.stringify({ cases: [agree, names.length] }) : `cases ${agree}/${names.length}`);
  return agree === names.length ? 0 : 1;
}

/** The same command in a network of its own. Throws Unmet where that can't be made. */
function again(): number {
  const why = whyNoNode();
  if (why !== undefined) throw new Unmet(why);
  const [program = '', ...args] = nodeCommand(process.argv);
  return spawnSync(program, args, { stdio: 'inherit' }).status ?? 1;
}
