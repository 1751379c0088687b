import { expect, it } from 'vitest';
import type { AppearedProblem } from '@flotilla/galley-pipeline';
import { noObservability, type Labels } from '@flotilla/observability-port';
import { createProblemLog } from './problem-log.ts';

function rig() {
  const lines: string[] = [];
  const counted = new Map<string, number>();
  const write = (message: string): void => void lines.push(message);
  const log = { debug: write, info: write, warn: write, error: write, scope: () => log, with: () => log };
  const metrics = {
    ...noObservability.metrics,
    counter: (name: string) => ({
      add: (value = 1, { reason = '', kind = '' }: Labels = {}) => {
        const id = `${name} ${reason}${kind}`;
        counted.set(id, (counted.get(id) ?? 0) + value);
      },
      remove: () => {},
    }),
  };
  return { lines, counted, problems: createProblemLog({ ...noObservability, log, metrics }) };
}
interface Written {
  readonly level?: AppearedProblem['level'];
  /** The problems that have been written out. */
  readonly written?: string[];
}
const problems = (count: number, code: string, { level = 'error', written = [] }: Written = {}): AppearedProblem[] =>
  Array.from({ length: count }, (_, i) => ({
    code,
    level,
    write() {
      const message = `${code} ${i}`;
      written.push(message);
      return { code, level, message };
    },
  }));

it('logs twenty problems of a code, and how many more there are; all are counted', () => {
  const { lines, counted, problems: log } = rig();
  const written: string[] = [];
  log.tell([
    ...problems(500, 'wrong-type', { written }),
    ...problems(20, 'IST0101', { level: 'warning' }),
    ...problems(21, 'other'),
  ]);
  expect(lines.filter((line) => line.startsWith('wrong-type'))).toHaveLength(20);
  expect(lines.filter((line) => line.includes('more like this'))).toEqual([
    '480 more like this, see /debug/problems',
    '1 more like this, see /debug/problems',
  ]);
  expect(lines).toHaveLength(60 + 2);
  expect([...counted]).toContainEqual(['galley_validation_failed wrong-type', 500]);
  expect(written).toHaveLength(20);
});

it('counts texts beyond a limit', () => {
  const { counted, problems: log } = rig();
  expect(counted.get('limits_hit_total text')).toBe(0);
  log.tell([...problems(3, 'over-limit'), ...problems(1, 'too-large'), ...problems(2, 'not-utf8')]);
  expect(counted.get('limits_hit_total text')).toBe(4);
});
