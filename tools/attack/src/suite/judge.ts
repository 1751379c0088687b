import { checkout, type Program } from '@flotilla/tool-control-plane';
import type { Bounds } from '../attack.ts';
import type { Sample } from '../witness/orders.ts';

export interface Seen {
  readonly samples: readonly Sample[];
  readonly bounds: Bounds;
  /** Names of processes that may be away. */
  readonly disturbed: ReadonlySet<string>;
}
const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/** What of health, service and memory was outside of its bounds; of each kind the worst. */
export function judgeSamples({ samples, bounds, disturbed }: Seen): string[] {
  const problems = new Map<string, { readonly ms: number; readonly text: string }>();
  const worst = (key: string, ms: number, text: string): void => {
    if ((problems.get(key)?.ms ?? -1) < ms) problems.set(key, { ms, text });
  };
  for (const { what, who, ms, error, isLate } of samples) {
    if (disturbed.has(who) || what === 'memory') continue;
    const limit = what === 'health' ? bounds.healthMs : bounds.servedMs;
    // Late, and yet not slow: it was the machine that had no core for it.
    if (ms <= limit && (error === undefined || isLate)) continue;
    const subject = what === 'health' ? `/healthz/live of ${who}` : `a well-behaved ${what}, served by ${who}`;
    worst(
      `${what} ${who}`,
      ms,
      `${subject}: expected an answer within ${seconds(limit)}; saw ${error ?? 'one'} after ${seconds(ms)}`,
    );
  }
  return [...[...problems.values()].map(({ text }) => text), ...judgeMemory(samples, { bounds, disturbed })];
}

function judgeMemory(samples: readonly Sample[], { bounds, disturbed }: Pick<Seen, 'bounds' | 'disturbed'>): string[] {
  const first = new Map<string, number>();
  const most = new Map<string, number>();
  for (const { what, who, bytes = 0 } of samples) {
    if (what !== 'memory' || disturbed.has(who)) continue;
    if (!first.has(who)) first.set(who, bytes);
    most.set(who, Math.max(most.get(who) ?? 0, bytes));
  }
  const mb = (bytes: number): number => Math.round(bytes / 2 ** 20);
  return [...most].flatMap(([who, bytes]) => {
    const before = first.get(who) ?? 0;
    return mb(bytes - before) <= bounds.growthMb
      ? []
      : [`memory of ${who}: expected at most ${bounds.growthMb} MB more; saw ${mb(before)} MB grow to ${mb(bytes)} MB`];
  });
}

const privateKey = /-----BEGIN [A-Z ]*PRIVATE KEY-----/;
/** A line of a stack: `at name (file:///path:12:34)`. */
const isFrame = (line: string): boolean =>
  line.startsWith('at ') && /\d:\d/.test(line) && ['file:', 'node:', '/'].some((place) => line.includes(place));

/** What answers to outsiders contain that they must not. */
export function judgeAnswers(answers: readonly string[], secrets: readonly string[]): string[] {
  const problems = new Set<string>();
  for (const text of answers) {
    if (privateKey.test(text) || secrets.some((secret) => text.includes(secret)))
      problems.add('an answer holds a secret');
    if (text.includes(checkout))
      problems.add(`an answer holds a path of the installation: ${excerpt(text, text.indexOf(checkout))}`);
    const trace = text
      .split(/\\n|\n/)
      .map((line) => line.trim())
      .find(isFrame);
    if (trace) problems.add(`an answer holds a stack trace: ${trace.slice(0, 200)}`);
  }
  return [...problems];
}
const excerpt = (text: string, place: number): string => text.slice(Math.max(0, place - 60), place + 100);

export interface LogStart {
  readonly program: Program;
  readonly start: number;
}

/** What processes have logged since: too much, or what is secret. */
export function judgeLogs(
  starts: readonly LogStart[],
  { bounds, secrets }: { readonly bounds: Bounds; readonly secrets: readonly string[] },
): string[] {
  return starts.flatMap(({ program, start }) => {
    const kb = Math.round((program.logSize - start) / 1024);
    const text = program.logSince(start);
    return [
      ...(kb > bounds.logKb ? [`log of ${program.name}: expected at most ${bounds.logKb} kB; saw ${kb} kB`] : []),
      ...(privateKey.test(text) || secrets.some((secret) => text.includes(secret))
        ? [`log of ${program.name}: expected no secret; saw one`]
        : []),
      ...forgedLines(program.name, text),
    ];
  });
}

/** Each line of our own processes is a JSON object: text from outside cannot begin one. */
function forgedLines(name: string, text: string): string[] {
  const forged = text.split('\n').find((line) => line.includes(forgery) && !isLogLine(line));
  return forged === undefined
    ? []
    : [`log of ${name}: expected a JSON object on each line; saw ${JSON.stringify(forged.slice(0, 200))}`];
}
/** Rows that inject lines into logs put this into them. */
export const forgery = 'forged-log-line';
const isLogLine = (line: string): boolean => {
  try {
    const parsed = JSON.parse(line) as { service?: unknown; msg?: unknown };
    return parsed.service !== undefined && parsed.msg !== forgery;
  } catch {
    return false;
  }
};
