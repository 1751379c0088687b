import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { messageOf, isRecord } from '@flotilla/std';
import type { Outcome, Run } from './area.ts';

/** This project's answer to a case, as files for --out, and the first difference from Istio's answer. */
export interface Answer {
  readonly difference?: string;
  /** By file name; what is not text is written as JSON. */
  readonly files: Readonly<Record<string, unknown>>;
}

/** Compares cases one by one. A case that throws differs, with the error's message as the difference. */
export async function* eachCase(
  { folder, cases, out }: Run,
  compareOne: (path: string) => Answer | Promise<Answer>,
): AsyncIterable<Outcome> {
  for (const { name, path } of cases) {
    const { difference, files } = await Promise.resolve()
      .then(() => compareOne(path))
      .catch((thrown: unknown): Answer => ({ difference: `fails: ${messageOf(thrown)}`, files: {} }));
    if (out !== undefined)
      for (const [file, value] of Object.entries(files)) write(join(out, relative(folder, path), file), value);
    yield { name, ...(difference === undefined ? {} : { difference }) };
  }
}

function write(path: string, value: unknown): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, typeof value === 'string' ? value : `${JSON.stringify(value, null, 2)}\n`);
}

const absent = Symbol('absent');
const shown = (value: unknown): string => {
  if (value === absent) return '(absent)';
  const text = JSON.stringify(value);
  return text.length < 300 ? text : `${text.slice(0, 297)}...`;
};
/** The first place where two JSON values differ, with both; undefined where they are equal. */
export function firstDifference(expected: unknown, actual: unknown, path = ''): string | undefined {
  if (Array.isArray(expected) && Array.isArray(actual))
    return search(
      Array.from({ length: Math.max(expected.length, actual.length) }, (_, i) => [
        `${path}[${i}]`,
        i < expected.length ? expected[i] : absent,
        i < actual.length ? actual[i] : absent,
      ]),
    );
  if (isRecord(expected) && isRecord(actual))
    return search(
      [...new Set([...Object.keys(expected), ...Object.keys(actual)])].map((key) => [
        path === '' ? key : `${path}.${key}`,
        Object.hasOwn(expected, key) ? expected[key] : absent,
        Object.hasOwn(actual, key) ? actual[key] : absent,
      ]),
    );
  if (Object.is(expected, actual)) return undefined;
  return `${path || 'all'}\n  expected ${shown(expected)}\n  actual   ${shown(actual)}`;
}

const search = (pairs: readonly [string, unknown, unknown][]): string | undefined => {
  for (const [path, expected, actual] of pairs) {
    const found = firstDifference(expected, actual, path);
    if (found !== undefined) return found;
  }
  return undefined;
};
