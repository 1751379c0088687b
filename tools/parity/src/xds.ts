import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { messageOf } from '@flotilla/std';
import { askAll } from './ask.ts';
import { createTestAuthority, startControlPlane, type ControlPlane, type TestAuthority } from './control-plane.ts';
import { readScenario, type Scenario } from './scenario.ts';

export interface ParityOptions {
  readonly corpus: string;
  readonly only: string;
  readonly out?: string;
  readonly json?: boolean;
  readonly dump?: string;
}
/** What the judge found, and how long each scenario took (milliseconds, from reading its files to the last answer). */
export interface Verdict {
  readonly text: string;
  readonly cases: readonly [agree: number, all: number];
  readonly differing: readonly string[];
  readonly took: ReadonlyMap<string, number>;
}

/** A mistake that the user can mend; ends the program with exit code 2. */
export class Unmet extends Error {}

/**
 * Takes each scenario through the services and lets xdsdiff.py judge what they answer. Rejects with Unmet for a folder
 * without scenarios or without the judge.
 */
export async function compareScenarios({ corpus, only, out }: ParityOptions): Promise<Verdict> {
  const names = scenariosIn(corpus, only);
  const dir = out ?? mkdtempSync(join(tmpdir(), 'parity-'));
  const authority = createTestAuthority();
  const took = new Map<string, number>();
  const failed: string[] = [];
  for (const name of names) {
    const begun = performance.now();
    await withControlPlane(join(corpus, name), authority, (plane, scenario) =>
      writeAnswers(join(dir, name), { plane, scenario, authority }),
    ).catch((thrown: unknown) => failed.push(`${name}: ${messageOf(thrown)}`));
    took.set(name, performance.now() - begun);
  }
  const found = judge(corpus, { expected: corpus, actual: dir, only });
  if (!out) rmSync(dir, { recursive: true });
  return { ...found, text: [...failed, found.text].join('\n'), took };
}

/** The scenarios of a corpus whose name holds a text. Throws Unmet when there are none. */
export function scenariosIn(corpus: string, only: string): string[] {
  const names = existsSync(corpus)
    ? readdirSync(corpus)
        .filter((name) => name.includes(only) && existsSync(join(corpus, name, 'expected')))
        .sort()
    : [];
  if (names.length === 0) throw new Unmet(`no case in ${corpus}${only ? ` whose name holds "${only}"` : ''}`);
  return names;
}

/** Lets xdsdiff.py, which lies beside a corpus, compare two folders of answers. Throws Unmet when it isn't there. */
export function judge(
  corpus: string,
  { expected, actual, only }: { readonly expected: string; readonly actual: string; readonly only: string },
): Omit<Verdict, 'took'> {
  const program = process.env['FLOTILLA_XDSDIFF'] ?? resolve(corpus, '../../tools/xdsdiff.py');
  if (!existsSync(program)) throw new Unmet(`the judge ${program} is not there; name it in FLOTILLA_XDSDIFF`);
  const { stdout, stderr } = spawnSync(
    'python3',
    [program, expected, '--actual', actual, '--only', only, '--show', '1'],
    { encoding: 'utf8', maxBuffer: 1 << 28 },
  );
  const [, agree, all] = /^scenarios (\d+)\/(\d+)/m.exec(stdout) ?? [];
  if (agree === undefined || all === undefined) throw new Error(`the judge failed: ${stderr || stdout}`);
  return {
    text: stdout.trimEnd(),
    cases: [Number(agree), Number(all)],
    differing: [...stdout.matchAll(/^(\S+): \d+ differ$/gm)].map(([, name = '']) => name),
  };
}

/** The services on a scenario, for as long as `use` takes. */
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

/** What pilot answers each proxy of a scenario, in the judge's layout: `PROXY.KIND.json`. */
export async function writeAnswers(
  to: string,
  {
    plane,
    scenario,
    authority,
  }: { readonly plane: ControlPlane; readonly scenario: Scenario; readonly authority: TestAuthority },
): Promise<void> {
  mkdirSync(to, { recursive: true });
  for (const proxy of scenario.proxies) {
    const answers = await askAll(plane.address, proxy, authority.issue(proxy.identity));
    for (const [kind, resources] of Object.entries(answers))
      writeFileSync(join(to, `${proxy.name}.${kind}.json`), JSON.stringify(resources, null, 1));
  }
}

/**
 * `npm run parity -- xds`: prints what differs, how long it took and, last, `cases A/B`. Returns the exit code: 0 only
 * when all agree.
 */
export async function runXds(options: ParityOptions): Promise<number> {
  const {
    text,
    cases: [agree, all],
    took,
  } = await compareScenarios(options);
  const times = [...took.values()].sort((a, b) => a - b);
  const [slowest = ''] = [...took].sort(([, a], [, b]) => b - a).map(([name]) => name);
  const median = Math.round(times[Math.floor(times.length / 2)] ?? 0);
  if (options.json)
    console.log(JSON.stringify({ cases: [agree, all], ms: { median, max: Math.round(times.at(-1) ?? 0), slowest } }));
  else
    console.log(
      `${text}\nms per scenario: median ${median}, ${slowest} ${Math.round(times.at(-1) ?? 0)}\ncases ${agree}/${all}`,
    );
  return agree === all ? 0 : 1;
}
