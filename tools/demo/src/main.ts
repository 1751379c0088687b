import { CommanderError } from 'commander';
import { parseOptions } from '@flotilla/runtime';
import { messageOf } from '@flotilla/std';
import { isInNode } from './node/enter.ts';
import { runInside } from './inside.ts';
import { demoProgram } from './options.ts';
import { runOutside, Unmet } from './outside.ts';

/** Runs itself again within namespaces of its own; there it is the demo. */
async function main(): Promise<number> {
  const options = parseOptions(demoProgram, process.argv.slice(2));
  if (!isInNode()) return runOutside(options, process.argv.slice(1));
  const stop = new AbortController();
  // Whoever started this has asked for its end, or is gone itself.
  process.on('message', () => stop.abort()).on('disconnect', () => stop.abort());
  return runInside(options, { folder: process.env['FLOTILLA_DEMO_FOLDER'] ?? '', signal: stop.signal });
}

try {
  process.exit(await main());
} catch (thrown) {
  if (thrown instanceof CommanderError) process.exit(thrown.exitCode === 0 ? 0 : 2);
  process.stderr.write(`demo: ${messageOf(thrown)}\n`);
  process.exit(thrown instanceof Unmet ? 2 : 1);
}
