import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { messageOf } from '@flotilla/std';
import { askAll } from './ask.ts';
import { createTestAuthority, startControlPlane, type TestAuthority } from './control-plane.ts';
import { readScenario } from './scenario.ts';

export interface ParityOptions { readonly corpus: string; readonly only: string; readonly out?: string; readonly json?: boolean }
/** What the judge found, and how long each scenario took (milliseconds, from reading its files to the last answer). */
export interface Verdict { readonly text: string; readonly cases: readonly [agree: number, all: number]; readonly differing: readonly string[]; readonly took: ReadonlyMap<string, number> }

/** A mistake that the user can mend; ends the program with exit code 2. */
export class Unmet extends Error {}

/** Takes each scenario through the services and lets xdsdiff.py judge what they answer. Rejects with Unmet for a folder without scenarios or without the judge. */
export async function compareScenarios({ corpus, only, out }: ParityOptions): Promise<Verdict> {
  const names = existsSync(corpus) ? readdirSync(corpus).filter((name) => name.includes(only) && existsSync(join(corpus, name, 'expected'))).sort() : [];
  if (names.length === 0) throw new Unmet(`no case in ${corpus}${only ? ` whose name holds "${only}"` : ''}`);
  const judge = process.env['FLOTILLA_XDSDIFF'] ?? resolve(corpus, '../../tools/xdsdiff.py');
  if (!existsSync(judge)) throw new Unmet(`the judge ${judge} is not there; name it in FLOTILLA_XDSDIFF`);
  const dir = out ?? mkdtempSync(join(tmpdir(), 'parity-'));
  const authority = createTestAuthority();
  const took = new Map<string, number>();
  const failed: string[] = [];
  for (const name of names) {
    const begun = performance.now();
    await answer({ from: join(corpus, name), to: join(dir, name), authority }).catch((thrown: unknown) => failed.push(`${name}: ${messageOf(thrown)}`));
    took.set(name, performance.now() - begun);
  }
  const { stdout, stderr } = spawnSync('python3', [judge, corpus, '--actual', dir, '--only', only, '--show', '1'], { encoding: 'utf8', maxBuffer: 1 << 28 });
  if (!out) rmSync(dir, { recursive: true });
  const [, agree, all] = /^scenarios (\d+)\/(\d+)/m.exec(stdout) ?? [];
  if (agree === undefined || all === undefined) throw new Error(`the judge failed: ${stderr || stdout}`);
  return { text: [...failed, stdout.trimEnd()].join('\n'), cases: [Number(agree), Number(all)], differing: [...stdout.matchAll(/^(\S+): \d+ differ$/gm)].map(([, name = '']) => name), took };
}

async function answer({ from, to, authority }: { from: string; to: string; authority: TestAuthority }): Promise<void> {
  const scenario = readScenario(from);
  const plane = await startControlPlane(scenario, authority);
  try {
    mkdirSync(to, { recursive: true });
    for (const proxy of scenario.proxies) {
      const answers = await askAll(plane.address, proxy, authority.issue(proxy.identity));
      for (const [kind, resources] of Object.entries(answers)) writeFileSync(join(to, `${proxy.name}.${kind}.json`), JSON.stringify(resources, null, 1));
    }
  } finally {
    await plane.close();
  }
}

/** `npm run parity -- xds`: prints what differs, how long it took and, last, `cases A/B`. Returns the exit code: 0 only when all agree. */
export async function runXds(options: ParityOptions): Promise<number> {
  const { text, cases: [agree, all], took } = await compareScenarios(options);
  const times = [...took.values()].sort((a, b) => a - b);
  const [slowest = ''] = [...took].sort(([, a], [, b]) => b - a).map(([name]) => name);
  const median = Math.round(times[Math.floor(times.length / 2)] ?? 0);
  if (options.json) console.log(JSON.stringify({ cases: [agree, all], ms: { median, max: Math.round(times.at(-1) ?? 0), slowest } }));
  else console.log(`${text}\nms per scenario: median ${median}, ${slowest} ${Math.round(times.at(-1) ?? 0)}\ncases ${agree}/${all}`);
  return agree === all ? 0 : 1;
}
