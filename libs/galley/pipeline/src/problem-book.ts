import {
  buildProblem,
  describeOrigin,
  pathInDocument,
  printableProblem,
  type Origin,
  type Problem,
} from '@flotilla/model';
import { compareText } from '@flotilla/std';

/** A problem and where its object is; its own `path` says where in that. */
export interface PlacedProblem {
  readonly problem: Problem;
  readonly origin?: Origin | undefined;
}
/** Problems that come and go together. */
export interface ProblemGroup {
  /** Groups are shown in the order of these, then of their origins. */
  readonly section: 'objects' | 'duplicates' | 'checks' | 'sources';
  readonly problems: readonly PlacedProblem[];
  /** How their object is named. */
  readonly resource?: string;
}
/** A problem that has appeared. Finding its line takes time, so it is written out only on demand. */
export interface AppearedProblem extends Pick<Problem, 'code' | 'level'> {
  write(): Problem;
}
const sections: readonly ProblemGroup['section'][] = ['objects', 'duplicates', 'checks', 'sources'];
/** Of one group so many are shown: they may be as many as an object has fields. */
const maxShown = 200;

/** Everything that is wrong now. A problem is written out only when somebody wants to read it. */
export class ProblemBook {
  readonly #groups = new Map<string, ProblemGroup>();
  #appeared: AppearedProblem[] = [];

  /** What is wrong now with what `key` names. A problem whose line has moved is the one that was there. */
  set(key: string, group: ProblemGroup): void {
    const before = new Set(shownOf(this.#groups.get(key)).map(samenessOf));
    if (group.problems.length === 0) {
      this.#groups.delete(key);
      return;
    }
    this.#groups.set(key, group);
    for (const placed of shownOf(group))
      if (!before.has(samenessOf(placed))) this.#appeared.push(appeared(placed, group));
  }

  /** What has appeared since this was last called. */
  takeAppeared(): readonly AppearedProblem[] {
    const appeared = this.#appeared;
    this.#appeared = [];
    return appeared;
  }

  all(): readonly Problem[] {
    return [...this.#groups.values()]
      .sort(inOrder)
      .flatMap((group) => shownOf(group).map((placed) => written(placed, group)));
  }
}

/** The first problems of a group, then how many more there are. */
function shownOf(group: ProblemGroup | undefined): readonly PlacedProblem[] {
  const { problems = [] } = group ?? {};
  const more = problems.length - maxShown;
  if (more <= 0) return problems;
  return [
    ...problems.slice(0, maxShown),
    { origin: problems[0]?.origin, problem: buildProblem('More', { count: more }) },
  ];
}

const appeared = (placed: PlacedProblem, group: ProblemGroup): AppearedProblem => ({
  code: placed.problem.code,
  level: placed.problem.level,
  write: () => written(placed, group),
});

const samenessOf = ({ problem: { code, level, resource, path, message }, origin }: PlacedProblem): string =>
  JSON.stringify([code, level, resource, path, message, origin?.type === 'file' ? origin.path : '']);

function written({ problem, origin }: PlacedProblem, { resource }: ProblemGroup): Problem {
  const path = pathInDocument(origin, problem.path);
  return printableProblem({
    ...problem,
    ...(path === undefined ? {} : { path }),
    ...(resource === undefined ? {} : { resource }),
    ...(origin ? { origin: describeOrigin(origin, problem.path) } : {}),
  });
}

function inOrder(a: ProblemGroup, b: ProblemGroup): number {
  const [one, other] = [placeOf(a), placeOf(b)];
  return (
    sections.indexOf(a.section) - sections.indexOf(b.section) ||
    compareText(one.text, other.text) ||
    one.document - other.document ||
    compareText(one.within, other.within) ||
    compareText(a.resource ?? '', b.resource ?? '')
  );
}

interface Place {
  readonly text: string;
  readonly document: number;
  readonly within: string;
}
function placeOf({ problems }: ProblemGroup): Place {
  const origin = problems[0]?.origin;
  return origin?.type === 'file'
    ? { text: origin.path, document: origin.document ?? 0, within: origin.within ?? '' }
    : { text: origin ? describeOrigin(origin) : '', document: 0, within: '' };
}
