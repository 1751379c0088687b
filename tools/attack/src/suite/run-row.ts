import type { Program } from '@flotilla/tool-control-plane';
import { Broken, defaultBounds, idOf, patience, Skipped, type Attack, type Shape } from '../attack.ts';
import { isHeartbeat } from '../mesh/folder.ts';
import type { Heart } from '../mesh/heart.ts';
import type { Mesh } from '../mesh/attacked-mesh.ts';
import type { Sample } from '../witness/orders.ts';
import type { Witness } from '../witness/witness.ts';
import { judgeAnswers, judgeLogs, judgeSamples } from './judge.ts';

export interface Stage {
  readonly mesh: Mesh;
  readonly witness: Witness;
  readonly heart: Heart;
  /** What a sidecar is given while nobody attacks. */
  baseline?: string;
}
export interface Outcome {
  readonly id: string;
  readonly kind: string;
  readonly shape: Shape;
  readonly verdict: 'held' | 'broke' | 'skipped';
  /** What was expected and seen, or why it was skipped. */
  readonly problems: readonly string[];
  readonly seconds: number;
  /** The last log lines of the processes of a row that broke. */
  readonly logs: string;
}

const rowLimitMs = 30_000;
/** By when everything is as it was, after a row. */
const recoverMs = 20_000;
const maxLogLines = 6;

/** Runs one row. Never rejects for what the row does: afterwards the mesh runs and serves, or is started again. */
export async function runRow(attack: Attack, stage: Stage): Promise<Outcome> {
  const { mesh, witness, heart } = stage;
  const began = Date.now();
  const disturbed = new Set(attack.disturbs?.map((service) => mesh.program(service).name));
  stage.baseline ??= await configuration(witness, Date.now());
  const [logs, pids] = [
    mesh.programs.map((program) => ({ program, start: program.logSize })),
    new Map(mesh.programs.map((program) => [program, program.pid])),
  ];
  const bounds = { ...defaultBounds, ...attack.bounds };
  mesh.begin();
  const problems: string[] = [];
  let skipped: string | undefined;
  try {
    await withDeadline(attack.run(mesh), (attack.deadlineMs ?? rowLimitMs) * patience());
  } catch (thrown) {
    if (thrown instanceof Skipped) skipped = thrown.message;
    else
      problems.push(
        thrown instanceof Broken
          ? thrown.message
          : `the row failed: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
      );
  }
  const over = Date.now();
  const answers = await mesh.end();
  for (const program of mesh.programs)
    if (pids.get(program) !== program.pid && !disturbed.has(program.name))
      problems.push(`${program.name}: expected it to go on; it ended (${program.ending ?? 'started again'})`);
  problems.push(...(await recover(stage, { since: over, disturbed })));
  problems.push(...judgeSamples({ samples: witness.between(began, Date.now()), bounds, disturbed }));
  const secrets = mesh.secrets();
  problems.push(...judgeAnswers(answers, secrets), ...judgeLogs(logs, { bounds, secrets }));
  if (disturbed.size === 0 && !heart.isConnected)
    problems.push("a sidecar's stream: expected it to stay open; it ended");
  witness.forget(Date.now() - 5000);
  const isConcerned = (name: string): boolean =>
    name === mesh.program(attack.service).name || problems.some((problem) => problem.includes(name));
  const verdict = problems.length > 0 ? 'broke' : skipped === undefined ? 'held' : 'skipped';
  return {
    id: idOf(attack),
    kind: attack.kind,
    shape: mesh.shape,
    verdict,
    seconds: (Date.now() - began) / 1000,
    problems: verdict === 'skipped' ? [skipped ?? ''] : problems,
    logs:
      verdict === 'broke'
        ? logs
            .filter(({ program: { name } }) => isConcerned(name))
            .map(({ program, start }) => lastLines(program, start))
            .join('')
        : '',
  };
}

/** What the witness itself makes processes log. */
const ofWitness = /sa\/witness|TLS handshake error: EOF/;
const lastLines = (program: Program, start: number): string =>
  program
    .logSince(Math.max(start, program.logSize - 16_000))
    .split('\n')
    .filter((line) => line !== '' && !ofWitness.test(line))
    .slice(-maxLogLines)
    .map((line) => `${program.name}: ${line.slice(0, 300)}\n`)
    .join('');

/**
 * Rejects when the row is not over in time, but only once it is, or nearly never will be: it must not disturb the next
 * one.
 */
async function withDeadline(run: Promise<void>, limitMs: number): Promise<void> {
  const late = Symbol('late');
  const after = (ms: number) => new Promise<typeof late>((resolve) => setTimeout(resolve, ms, late).unref());
  run.catch(() => {});
  if ((await Promise.race([run, after(limitMs)])) !== late) return;
  await Promise.race([run.catch(() => {}), after(2 * limitMs)]);
  throw new Broken(`the row to be over within ${Math.round(limitMs / 1000)} s`, 'it was not');
}

type Configuration = Readonly<Record<string, string>>;
const withoutHeartbeat = (xds: Configuration): string =>
  JSON.stringify(
    Object.entries(xds)
      .filter(([name]) => !isHeartbeat(name))
      .sort(),
  );

/** What a sidecar is given, asked after a time. */
async function configuration(witness: Witness, since: number): Promise<string | undefined> {
  const sample = await witness.first(
    ({ what, began, xds }) => what === 'sidecar' && began >= since && xds !== undefined,
    recoverMs,
  );
  return sample?.xds && withoutHeartbeat(sample.xds);
}

interface Recovery {
  readonly since: number;
  readonly disturbed: ReadonlySet<string>;
}

/** Waits until all serve as before; starts again what does not. Returns what did not come back by itself. */
async function recover(stage: Stage, { since, disturbed }: Recovery): Promise<string[]> {
  const { mesh, witness, heart } = stage;
  const problems: string[] = [];
  for (const program of mesh.programs.filter(({ isRunning }) => !isRunning)) program.start();
  witness.order(await mesh.order());
  const isGood =
    (what: Sample['what'], who?: string) =>
    (sample: Sample): boolean =>
      sample.what === what &&
      (who === undefined || sample.who === who) &&
      sample.began >= since &&
      sample.error === undefined;
  for (const program of mesh.programs) {
    if (await witness.first(isGood('health', program.name), recoverMs)) continue;
    problems.push(
      `${program.name}: expected health within ${recoverMs / 1000} s after the row; saw none, and started it again`,
    );
    await program.kill();
    program.start();
    if (program.name !== 'nats') await program.ready().catch((thrown: unknown) => problems.push(String(thrown)));
    witness.order(await mesh.order());
  }
  for (const what of ['sidecar', 'workload', 'api-server'] as const) {
    if (!(await witness.first(isGood(what), recoverMs)))
      problems.push(
        `a well-behaved ${what}: expected to be served within ${recoverMs / 1000} s after the row; was not`,
      );
  }
  if (disturbed.size > 0 && !heart.isConnected) await heart.connect().catch(() => {});
  await heart
    .beat(recoverMs)
    .catch((thrown: unknown) =>
      problems.push(
        `a change of a file: expected it to reach a sidecar within ${recoverMs / 1000} s; ${thrown instanceof Error ? thrown.message : String(thrown)}`,
      ),
    );
  const isAsBefore = ({ what, began, xds }: Sample): boolean =>
    what === 'sidecar' && began >= since && xds !== undefined && withoutHeartbeat(xds) === stage.baseline;
  if (stage.baseline !== undefined && !(await witness.first(isAsBefore, recoverMs))) {
    problems.push('the configuration of a well-behaved sidecar: expected it as before the row; it differs');
    delete stage.baseline;
  }
  return problems;
}
