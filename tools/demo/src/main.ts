import { CommanderError } from 'commander';
import { parseOptions } from '@flotilla/runtime';
import { messageOf } from '@flotilla/std';
import { isInNode } from './node/enter.ts';
import { runInside } from './inside.ts';
import { keptCommands, runKeptCommand } from './kept/commands.ts';
import { demoProgram } from './options.ts';
import { runOutside } from './outside.ts';
import { Unmet } from './unmet.ts';

const stopWithinMs = 6000;

/** Runs itself again within namespaces of its own; there it is the demo. */
async function main(): Promise<number> {
  const [command = '', ...args] = process.argv.slice(2);
  if (keptCommands.some((name) => name === command)) return runKeptCommand([command, ...args]);
  const options = parseOptions(demoProgram, process.argv.slice(2));
  if (!isInNode()) return runOutside(options, process.argv.slice(1));
  const stop = new AbortController();
  const folder = process.env['FLOTILLA_DEMO_FOLDER'] ?? '';
  process.on('message', () => {
    stop.abort();
    setTimeout(() => process.exit(130), stopWithinMs).unref();
  });
  // Whoever started this is gone: so is everything, with this process.
  process.on('disconnect', () => process.exit(1));
  // Who read what is said has gone, as `| head` does.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => stop.abort());
  return runInside(options, { folder, signal: stop.signal });
}

try {
  process.exit(await main());
} catch (thrown) {
  if (thrown instanceof CommanderError) process.exit(thrown.exitCode === 0 ? 0 : 2);
  process.stderr.write(`demo: ${messageOf(thrown)}\n`);
  process.exit(thrown instanceof Unmet ? 2 : 1);
}
