import type { Outcome } from './run-row.ts';

/** Says what became of a row; of one that broke all there is to know, and how to run it alone. */
export function describeOutcome({ id, shape, verdict, problems, seconds, logs }: Outcome, seed: number): string {
  const line = `attack: ${verdict === 'held' ? 'held   ' : verdict === 'broke' ? 'BROKE  ' : 'skipped'} ${shape.padEnd(8)} ${id} (${seconds.toFixed(1)} s)`;
  if (verdict === 'held') return line;
  if (verdict === 'skipped') return `${line}: ${problems.join('; ')}`;
  const again = `npm run attack -- --shape ${shape} --seed ${seed} --only '${id.replaceAll("'", "'\\''")}'`;
  return [
    line,
    ...problems.map((problem) => `    ${problem}`),
    `    again: ${again}`,
    ...logs
      .trim()
      .split('\n')
      .filter((text) => text !== '')
      .map((text) => `    | ${text}`),
  ].join('\n');
}

/** The numbers by kind, and the line that programs read. */
export function summarize(outcomes: readonly Outcome[]): string {
  const kinds = [...new Set(outcomes.map(({ kind }) => kind))];
  const count = (verdict: Outcome['verdict'], among = outcomes): number =>
    among.filter((one) => one.verdict === verdict).length;
  const width = Math.max(4, ...kinds.map((kind) => kind.length));
  const row = (cells: readonly string[]): string =>
    cells.map((cell, i) => (i === 0 ? cell.padEnd(width) : cell.padStart(8))).join('');
  return [
    '',
    row(['kind', 'held', 'broke', 'skipped']),
    ...kinds.map((kind) =>
      row([
        kind,
        ...(['held', 'broke', 'skipped'] as const).map((verdict) =>
          String(
            count(
              verdict,
              outcomes.filter((one) => one.kind === kind),
            ),
          ),
        ),
      ]),
    ),
    '',
    `${count('held')} held, ${count('broke')} broke, ${count('skipped')} skipped`,
  ].join('\n');
}
