import { Command } from 'commander';
import { messageOf } from '@flotilla/std';
import { runEnvoys } from './envoy/run.ts';
import { runWire } from './wire.ts';
import { runXds, Unmet } from './xds.ts';

const areas: Readonly<Record<string, typeof runXds>> = { xds: runXds, wire: runWire, envoy: runEnvoys };

/**
 * `npm run parity -- AREA --corpus DIR`: prints what differs and, last, `cases A/B`; exits 0 only when all agree, 2 for
 * misuse.
 */
const program = new Command('parity')
  .argument('<area>', `what to compare: ${Object.keys(areas).join(', ')}`)
  .requiredOption('--corpus <dir>', 'folder of cases')
  .option('--only <text>', 'only cases whose name holds this', '')
  .option('--out <dir>', 'write what this project answers here')
  .option('--dump <program>', 'wire: the program that reads answers with descriptors of its own')
  .option('--json', 'print one JSON object')
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .parse();

const [area] = program.args as [string];
const run = areas[area];
if (!run) {
  console.error(`parity: unknown area ${area}; there are: ${Object.keys(areas).join(', ')}`);
  process.exit(2);
}
try {
  process.exit(await run(program.opts()));
} catch (thrown) {
  console.error(`parity: ${messageOf(thrown)}`);
  process.exit(thrown instanceof Unmet ? 2 : 1);
}
