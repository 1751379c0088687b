import { Command } from 'commander';
import { messageOf } from '@flotilla/std';
import { corpusRoot } from '@flotilla/testing/corpus';
import { useTemporaryFolder } from '@flotilla/testing/temporary-folder';
import { Unmet, type ParityOptions } from './area.ts';
import { areas } from './areas.ts';
import { describeOutcome, describeReport, reportJson } from './print.ts';
import { runArea } from './run.ts';

const about = `
Compares what this project does with what real Istio 1.19.0 did. The corpus is a folder of cases, each of which holds an
input and Istio's answer as data; it is not part of this repository. DIR is the corpus, whose folders for the area are
all used, or one folder of cases. The default is FLOTILLA_CORPUS, or else ../shared/corpus next to this checkout
(now ${corpusRoot()}).

Areas:
${Object.entries(areas)
  .map(([name, { about: what, folders }]) => `  ${name.padEnd(10)} ${what}\n${' '.repeat(13)}(${folders.join(', ')})`)
  .join('\n')}

Prints the first difference of each case that differs. Cases that need a feature this version lacks, and cases that
differ on purpose (tools/parity/accepted.yaml), are listed and counted separately. The last line is \`cases A/B\`. The
exit code is 0 only when all B agree, 2 for misuse.`;

/** Prints the outcomes of an area's cases and returns the exit code. */
async function compare(name: string, options: ParityOptions): Promise<number> {
  const area = areas[name];
  if (!area) throw new Unmet(`unknown area ${name}; there are: ${Object.keys(areas).join(', ')}`);
  const elsewhere = area.enter?.(options);
  if (elsewhere !== undefined) return elsewhere;
  const report = await runArea({
    ...options,
    name,
    area,
    areas: Object.keys(areas),
    seen: (outcome, verdict) => {
      if (verdict === 'differing' && !options.json) console.log(describeOutcome(outcome));
    },
  });
  console.log(options.json ? JSON.stringify(reportJson(report)) : describeReport(report));
  return report.differing.length === 0 && report.agreeing.length > 0 ? 0 : 1;
}

const program = new Command('parity')
  .argument('<area>', `what to compare: ${Object.keys(areas).join(', ')}`)
  .option('--corpus <dir>', 'the corpus, or a folder of cases')
  .option('--only <text>', 'only cases whose name contains this', '')
  .option('--out <dir>', 'write what this project answers here')
  .option('--dump <program>', 'wire: the program that reads answers with its own descriptors')
  .option('--envoy <version>', 'envoy: the version of Envoy (1.36 or 1.40)', '1.36')
  .option('--json', 'print one JSON object')
  .addHelpText('after', about)
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .parse();
useTemporaryFolder('flotilla-parity-');
try {
  process.exit(await compare(program.args[0] ?? '', program.opts()));
} catch (thrown) {
  console.error(`parity: ${messageOf(thrown)}`);
  process.exit(thrown instanceof Unmet ? 2 : 1);
}
