import { Command, InvalidArgumentError, Option } from 'commander';
import { messageOf } from '@flotilla/std';
import { useTemporaryFolder } from '@flotilla/testing/temporary-folder';
import { idOf, services, type Attack, type Service, type Shape } from './attack.ts';
import { fuzzCommand } from './fuzz/command.ts';
import { rows } from './rows/index.ts';
import { describeOutcome, summarize } from './suite/report.ts';
import { runSuite } from './suite/suite.ts';

interface Options {
  readonly shape: Shape | 'both';
  readonly service?: Service;
  readonly kind?: string;
  readonly only?: string;
  readonly short?: true;
  readonly quick?: true;
  readonly seed: number;
  readonly json?: true;
  readonly list?: true;
}
const whole = (text: string): number => {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 0) throw new InvalidArgumentError('expected a whole number');
  return number;
};

/**
 * `npm run attack`: attacks a started mesh of each shape. Exits 0 when every row held, 1 when one broke, 2 for misuse.
 */
const program = new Command('attack')
  .enablePositionalOptions()
  .description('Attacks and disturbs every service of a running mesh, and checks that everything else keeps working.')
  .addOption(new Option('--shape <shape>', 'what to attack').choices(['fleet', 'monolith', 'both']).default('both'))
  .addOption(new Option('--service <name>', 'only rows that attack this service').choices([...services]))
  .option('--kind <text>', 'only rows of this kind')
  .option('--only <text>', 'only rows with this text in "service kind: name"')
  .option('--short', 'the short form, which is part of the complete test run: at most 4 minutes')
  .option('--quick', 'the ten rows that `npm test` runs')
  .option('--seed <number>', 'seed of the random numbers', whole, 1)
  .option('--json', 'print one JSON object at the end, and the progress on standard error')
  .option('--list', 'list the rows without running them')
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .action(attack)
  .addCommand(
    fuzzCommand((code) => process.exit(code)).exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2)),
  );

async function attack({ shape, service, kind, only, short, quick, seed, json, list }: Options): Promise<void> {
  const isChosen = (row: Attack): boolean =>
    (service === undefined || row.service === service) &&
    (kind === undefined || row.kind === kind) &&
    (only === undefined || idOf(row).includes(only)) &&
    (quick ? row.form === 'quick' : !short || row.form !== undefined);
  const chosen = rows.filter(isChosen);
  if (chosen.length === 0) throw new Error('there is no such row; --list prints them');
  if (list) {
    for (const row of chosen) console.log(`${idOf(row)}\n    ${row.describe}`);
    return;
  }
  const tell = (text: string): void => (json ? console.error : console.log)(text);
  const outcomes = await runSuite(chosen, {
    shapes: shape === 'both' ? ['fleet', 'monolith'] : [shape],
    seed,
    onOutcome: (outcome) => tell(describeOutcome(outcome, seed)),
    onStart: (started, count) => tell(`attack: starting a ${started} for ${count} rows`),
  });
  console.log(json ? JSON.stringify({ seed, outcomes }) : summarize(outcomes));
  process.exit(outcomes.some(({ verdict }) => verdict === 'broke') ? 1 : 0);
}

useTemporaryFolder('flotilla-attack-');
// What was started ends with this process.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

try {
  await program.parseAsync();
} catch (thrown) {
  console.error(`attack: ${messageOf(thrown)}`);
  process.exit(2);
}
