import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { messageOf } from '@flotilla/std';
import { useTemporaryFolder } from '@flotilla/testing/temporary-folder';
import { defaultMesh, type MeshSize } from './bench-mesh.ts';
import { defaultKubernetes } from './kubernetes-mesh.ts';
import { measurePush } from './push.ts';
import { measureQueries, type QueryResult } from './query/measure.ts';
import { describeMachine, renderReport, type Report } from './report.ts';
import type { Mode, PushResult, Variant } from './result.ts';

interface Options {
  readonly sidecars: number[];
  readonly services: number;
  readonly changes: number;
  readonly kubernetes?: true;
  readonly mode: Mode[];
  readonly variant: Variant[];
  readonly out?: string;
  readonly json?: true;
}

const positive = (text: string): number => {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) throw new InvalidArgumentError('expected a number from 1 on');
  return number;
};
const several = (text: string, all: number[]): number[] => [...all, positive(text)];

/**
 * `npm run bench -- [push|query]`: prints what it measures, with `--json` as one JSON object; all of it goes to
 * docs/performance.md. Exits 1 when something could not be measured, 2 for misuse.
 */
const program = new Command('bench')
  .description('Measures how fast changes reach the sidecars of a mesh, and which queries they run again.')
  .argument(
    '[part]',
    "push: control planes of both shapes under load; query: pilot's queries alone; without it both",
    (text) => {
      if (text !== 'push' && text !== 'query') throw new InvalidArgumentError('there are: push, query');
      return text;
    },
  )
  .option('--sidecars <number>', 'how many connect; repeatable (default: 100 and 500)', several, [])
  .option('--services <number>', 'services of the mesh', positive, defaultMesh.services)
  .option('--changes <number>', 'changes of each kind', positive, 20)
  .option(
    '--kubernetes',
    `measure a mesh that has Services with Pods and DestinationRules, and also headless and DNS services`,
  )
  .addOption(
    new Option('--mode <shape...>', 'shapes to measure').choices(['monolith', 'fleet']).default(['monolith', 'fleet']),
  )
  .addOption(
    new Option('--variant <variant...>', 'xDS variants to measure')
      .choices(['sotw', 'delta'])
      .default(['sotw', 'delta']),
  )
  .option(
    '--out <file>',
    'where the report goes (default: docs/performance.md when everything is measured, else standard output)',
  )
  .option('--json', 'print one JSON object, write no report')
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .parse();

const { sidecars, services, changes, kubernetes, mode: modes, variant: variants, out, json } = program.opts<Options>();
const [part] = program.processedArgs as ['push' | 'query' | undefined];
const besides = { kubernetes: defaultKubernetes };
const mesh: MeshSize = { ...defaultMesh, services, ...(kubernetes ? besides : {}) };
const counts = sidecars.length > 0 ? sidecars : [100, 500];
const tell = (progress: string): void => console.error(`bench: ${progress}`);

async function pushes(): Promise<PushResult[]> {
  const results: PushResult[] = [];
  for (const mode of modes)
    for (const count of counts)
      for (const variant of variants) {
        tell(`${mode}, ${count} sidecars, ${variant}`);
        results.push(await measurePush({ mode, variant, sidecars: count, changes, mesh }));
      }
  return results;
}

useTemporaryFolder('flotilla-bench-');
// What was started ends with this process.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

try {
  const push = part === 'query' ? [] : await pushes();
  const queries = (what: string, size: MeshSize): QueryResult[] => {
    if (part === 'push') return [];
    tell(what);
    return measureQueries({ mesh: size, sidecars: Math.min(...counts), changes });
  };
  const query = queries('queries', mesh);
  const beside = kubernetes ? [] : queries('queries beside Kubernetes services', { ...mesh, ...besides });
  const report: Report = { machine: describeMachine(new Date()), mesh, push, query, beside };
  const file =
    out ?? (process.argv.length === 2 ? resolve(import.meta.dirname, '../../../docs/performance.md') : undefined);
  if (json) console.log(JSON.stringify(report));
  else if (file === undefined) console.log(renderReport(report));
  else {
    writeFileSync(file, renderReport(report));
    tell(`wrote ${file}`);
  }
} catch (thrown) {
  console.error(`bench: ${messageOf(thrown)}`);
  process.exit(1);
}
