import { Command, InvalidArgumentError, Option } from 'commander';
import { fuzz, type FuzzResult } from './fuzz.ts';
import { targets } from './targets/index.ts';

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const milliseconds = (text: string): number => {
  const [, amount = '', unit = ''] = /^(\d{1,6})(ms|[smh])$/.exec(text) ?? [];
  if (units[unit] === undefined) throw new InvalidArgumentError('expected a number with ms, s, m or h, as in 60s');
  return Number(amount) * units[unit];
};
const positive = (text: string): number => {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) throw new InvalidArgumentError('expected a whole number from 1 on');
  return number;
};
const names = targets.map(({ name }) => name);
/** Bytes outside of printable ASCII as `\xNN`. */
const escaped = (bytes: Uint8Array): string =>
  [...bytes]
    .map((byte) =>
      byte === 0x5c
        ? '\\\\'
        : byte >= 0x20 && byte < 0x7f
          ? String.fromCharCode(byte)
          : `\\x${byte.toString(16).padStart(2, '0')}`,
    )
    .join('');
const maxShown = 4000;

interface Options {
  readonly duration?: number;
  readonly target: readonly string[];
  readonly count?: number;
  readonly seed: number;
  readonly json?: true;
}

function describeResult({ target, tried, seconds, fault }: FuzzResult, seed: number): string {
  const line = `fuzz: ${fault ? 'BROKE' : 'held '} ${target}: ${tried} inputs in ${seconds.toFixed(1)} s`;
  if (!fault) return line;
  return `${line}\n    ${fault.reason}\n    input: ${escaped(fault.input).slice(0, maxShown)}\n    again: npm run attack -- fuzz --target ${target} --seed ${seed} --count ${tried}`;
}

/**
 * `npm run attack -- fuzz`: feeds everything that reads text from outside with inputs at random. Resolves with the exit
 * code.
 */
export const fuzzCommand = (finish: (code: number) => void): Command =>
  new Command('fuzz')
    .description(
      'Feeds random inputs to everything that reads text from outside; an exception is a fault, and so is an input that takes more than a second.',
    )
    .option('--duration <time>', 'for all targets together (default: 60s, or without limit with --count)', milliseconds)
    .addOption(new Option('--target <name...>', 'what to feed').choices(names).default(names, 'all'))
    .option('--count <number>', 'inputs for each target', positive)
    .option('--seed <number>', 'seed of the random numbers', positive, 1)
    .option('--json', 'print one JSON object at the end, and the progress on standard error')
    .action(async ({ duration, target: chosen, count, seed, json }: Options) => {
      const all = duration ?? (count === undefined ? 60_000 : Number.POSITIVE_INFINITY);
      const results: FuzzResult[] = [];
      for (const target of chosen) {
        const result = await fuzz({
          target,
          seed,
          count: count ?? Number.MAX_SAFE_INTEGER,
          durationMs: all / chosen.length,
        });
        (json ? console.error : console.log)(describeResult(result, seed));
        results.push(result);
      }
      const broke = results.filter(({ fault }) => fault).length;
      const outcomes = results.map(({ target, tried, fault }) => ({
        id: `fuzz ${target}`,
        tried,
        verdict: fault ? 'broke' : 'held',
        problems: fault ? [fault.reason] : [],
      }));
      console.log(
        json ? JSON.stringify({ seed, outcomes }) : `${chosen.length - broke} held, ${broke} broke, 0 skipped`,
      );
      finish(broke === 0 ? 0 : 1);
    });
