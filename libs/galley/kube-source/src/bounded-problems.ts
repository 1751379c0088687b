import { buildProblem, type LocatedProblem } from '@flotilla/model';

/** Of one place so many problems are reported. */
const maxProblems = 100;

/** The first problems; when there are more, the last one says how many. */
export function boundedProblems(problems: readonly LocatedProblem[]): readonly LocatedProblem[] {
  const [first] = problems;
  const more = problems.length - maxProblems;
  if (!first || more <= 0) return problems;
  return [
    ...problems.slice(0, maxProblems),
    { problem: buildProblem('More', { count: more }), origin: { type: 'cluster', cluster: clusterOf(first) } },
  ];
}

const clusterOf = ({ origin }: LocatedProblem): string => (origin.type === 'cluster' ? origin.cluster : '');
