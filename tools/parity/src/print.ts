import type { Outcome } from './area.ts';
import type { Report } from './run.ts';

/** Lines that show one case that differs: its name, and its first difference indented. */
export const describeOutcome = ({ name, difference }: Outcome): string =>
  difference === undefined ? `${name}: agrees` : `${name}: differs\n${indent(difference)}`;
const indent = (text: string): string =>
  text
    .replace(/^\n+/, '')
    .trimEnd()
    .split('\n')
    .map((line) => `    ${line.trimStart()}`)
    .join('\n');

/** The summary below the cases that differ: cases that are counted separately, times, and last `cases A/B`. */
export function describeReport({ agreeing, differing, accepted, apart, stale }: Report): string {
  const features = [...new Set(apart.map(({ needs }) => needs))].sort();
  return [
    ...features.map((feature) => {
      const cases = apart.filter(({ needs }) => needs === feature);
      const names = cases.map(({ name, difference }) => `${name}${difference === undefined ? ' (agrees)' : ''}`);
      return `not counted, need ${feature}: ${cases.length}\n${indent(names.join('\n'))}`;
    }),
    ...accepted.map(({ name, entry }) => `accepted, ${name}: ${entry.reason} (ADR ${entry.adr})`),
    ...stale.map((entry) => `accepted.yaml names ${entry.case}, which agrees: remove the entry`),
    ...describeTimes([...agreeing, ...differing]),
    `cases ${agreeing.length}/${agreeing.length + differing.length}`,
  ].join('\n');
}

function describeTimes(outcomes: readonly Outcome[]): string[] {
  const timed = outcomes
    .filter(({ ms }) => ms !== undefined)
    .map(({ name, ms = 0 }) => ({ name, ms: Math.round(ms) }))
    .sort((a, b) => a.ms - b.ms);
  const [median, slowest] = [timed[Math.floor(timed.length / 2)], timed.at(-1)];
  return median && slowest ? [`ms per case: median ${median.ms}, ${slowest.name} ${slowest.ms}`] : [];
}

/** The same as data. */
export const reportJson = ({ agreeing, differing, accepted, apart, stale }: Report): unknown => ({
  cases: [agreeing.length, agreeing.length + differing.length],
  differing: differing.map(({ name, difference }) => ({ name, difference })),
  accepted: accepted.map(({ name, entry }) => ({ name, reason: entry.reason, adr: entry.adr })),
  apart: apart.map(({ name, needs, difference }) => ({ name, needs, agrees: difference === undefined })),
  stale: stale.map((entry) => entry.case),
});
