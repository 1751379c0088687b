import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestAuthority } from './control-plane.ts';
import { judge, scenariosIn, Unmet, withControlPlane, writeAnswers, type ParityOptions } from './xds.ts';

/**
 * `npm run parity -- wire --dump PROGRAM`: the second judge. A program with descriptors of its own (xdsdump) sends
 * pilot's plaintext port what each proxy sends; it must read what this project's descriptors read, since those could be
 * wrong on both sides. Secrets apart: that port knows no identity. Returns the exit code.
 */
export async function runWire({ corpus, only, dump, json }: ParityOptions): Promise<number> {
  if (dump === undefined)
    throw new Unmet(
      'wire needs --dump PROGRAM, which reads the answers of a control plane with descriptors of its own',
    );
  if (!existsSync(dump)) throw new Unmet(`--dump ${dump}: the program does not exist`);
  const dir = mkdtempSync(join(tmpdir(), 'parity-wire-'));
  const authority = createTestAuthority();
  for (const name of scenariosIn(corpus, only)) {
    const [ours, theirs] = [join(dir, 'ours', name, 'expected'), join(dir, 'theirs', name)];
    await withControlPlane(join(corpus, name), authority, async (plane, scenario) => {
      await writeAnswers(ours, { plane, scenario, authority });
      mkdirSync(theirs, { recursive: true });
      const child = spawn(
        dump,
        ['-addr', plane.plaintext, '-scenario', join(corpus, name, 'proxies.yaml'), '-out', theirs, '-wait', '1s'],
        { stdio: ['ignore', 'ignore', 'inherit'] },
      );
      const [code] = (await once(child, 'exit')) as [number | null];
      if (code !== 0) throw new Error(`${dump} ended with exit code ${code} on ${name}`);
    });
    for (const folder of [ours, theirs])
      for (const file of readdirSync(folder)) if (file.endsWith('.sds.json')) rmSync(join(folder, file));
  }
  const {
    text,
    cases: [agree, all],
  } = judge(corpus, { expected: join(dir, 'ours'), actual: join(dir, 'theirs'), only });
  rmSync(dir, { recursive: true });
  console.log(json ? JSON.stringify({ cases: [agree, all] }) : `${text}\ncases ${agree}/${all}`);
  return agree === all ? 0 : 1;
}
