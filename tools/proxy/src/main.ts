import { CommanderError } from 'commander';
import { parseOptions } from '@flotilla/runtime';
import { messageOf } from '@flotilla/std';
import { follow } from './follow.ts';
import { Held } from './held.ts';
import { nodeOf, proxyProgram } from './options.ts';
import { jsonOf, Printer } from './print.ts';

async function main(): Promise<number> {
  const options = parseOptions(proxyProgram, process.argv.slice(2));
  const node = nodeOf(options);
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort());
  // The reader of the output has ended, as with `| head`.
  process.stdout.on('error', () => stop.abort());
  let hasTimedOut = false;
  if (options.once)
    setTimeout(() => {
      hasTimedOut = true;
      stop.abort();
    }, options.wait).unref();
  const held = new Held();
  const printer = new Printer(options, { held, now: () => new Date() });
  for await (const event of follow({ address: options.pilot, node, signal: stop.signal }, held)) {
    const lines = options.json ? [jsonOf(event, new Date())] : printer.linesOf(event);
    for (const line of lines) process.stdout.write(`${line}\n`);
    if (options.once && event.kind === 'changed' && held.isComplete) return 0;
  }
  if (!hasTimedOut) return 0;
  process.stderr.write(`proxy: not everything arrived within --wait; is pilot running at ${options.pilot}?\n`);
  return 1;
}

try {
  process.exit(await main());
} catch (thrown) {
  if (thrown instanceof CommanderError) process.exit(thrown.exitCode === 0 ? 0 : 2);
  process.stderr.write(`proxy: ${messageOf(thrown)}\n`);
  process.exit(2);
}
