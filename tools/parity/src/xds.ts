import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { messageOf } from '@flotilla/std';
import { ask, openWorld } from './answers.ts';
import { readScenario } from './scenario.ts';

export interface ParityOptions { readonly corpus: string; readonly only: string; readonly out?: string; readonly json?: boolean }

/** Runs each scenario and lets xdsdiff.py judge. Returns the exit code. */
export async function runXds({ corpus, only, out, json }: ParityOptions): Promise<number> {
  const names = existsSync(corpus) ? readdirSync(corpus).filter((name) => name.includes(only) && existsSync(join(corpus, name, 'expected'))).sort() : [];
  if (names.length === 0) {
    console.error(`parity: no case in ${corpus}${only ? ` whose name holds "${only}"` : ''}`);
    return 2;
  }
  const judge = process.env['FLOTILLA_XDSDIFF'] ?? resolve(corpus, '../../tools/xdsdiff.py');
  if (!existsSync(judge)) {
    console.error(`parity: the judge ${judge} is not there; name it in FLOTILLA_XDSDIFF`);
    return 2;
  }
  const dir = out ?? mkdtempSync(join(tmpdir(), 'parity-'));
  for (const name of names) {
    try {
      answer(join(corpus, name), join(dir, name));
    } catch (error) {
      console.error(`${name}: ${messageOf(error)}`);
    }
  }
  const verdict = spawnSync('python3', [judge, corpus, '--actual', dir, '--only', only, ...(json ? ['--json'] : ['--show', '1'])], { encoding: 'utf8', maxBuffer: 1 << 28 });
  const cases = json ? (JSON.parse(verdict.stdout) as { scenarios: [number, number] }).scenarios : /scenarios (\d+)\/(\d+)/.exec(verdict.stdout)?.slice(1).map(Number);
  if (!cases) {
    console.error(`parity: the judge failed: ${verdict.stderr || verdict.stdout}`);
    return 2;
  }
  if (json) console.log(JSON.stringify({ cases }));
  else console.log(`${verdict.stdout.trimEnd()}\ncases ${cases[0]}/${cases[1]}`);
  return cases[0] === cases[1] ? 0 : 1;
}

function answer(from: string, to: string): void {
  const scenario = readScenario(from);
  const engine = openWorld(scenario);
  mkdirSync(to, { recursive: true });
  for (const proxy of scenario.proxies) {
    for (const [kind, resources] of Object.entries(ask(engine, proxy))) writeFileSync(join(to, `${proxy.name}.${kind}.json`), JSON.stringify(resources, null, 1));
  }
}
