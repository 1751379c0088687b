import { buildProblem, type Problem } from '@flotilla/model';

/** Of each level; the rest are counted. Whoever reads the first of so many knows what is wrong. */
export const maxProblems = 500;

/** Gathers what checks answer. A check gives its message, or undefined when nothing is wrong. */
export class Report {
  readonly #problems: Problem[] = [];
  readonly #found = { error: 0, warning: 0 };

  /** In the order in which they were found; at most `maxProblems` of each level, and then how many more there are. */
  get problems(): readonly Problem[] {
    const more = (['error', 'warning'] as const).flatMap((level): Problem[] =>
      this.#found[level] > maxProblems
        ? [
            buildProblem(
              level === 'error' ? 'MoreErrors' : 'MoreWarnings',
              { count: this.#found[level] - maxProblems },
              'spec',
            ),
          ]
        : [],
    );
    return [...this.#problems, ...more];
  }

  /** The resource is refused. */
  error(path: string, message: string | undefined): void {
    if (message !== undefined) this.#add(buildProblem('SchemaValidationError', { error: message }, path));
  }

  /** The resource is in force, but may not do what was meant. */
  warn(path: string, message: string | undefined): void {
    if (message !== undefined) this.#add(buildProblem('SchemaWarning', { warning: message }, path));
  }

  #add(problem: Problem): void {
    const level = problem.level === 'error' ? 'error' : 'warning';
    this.#found[level] += 1;
    if (this.#found[level] <= maxProblems) this.#problems.push(problem);
  }
}

/** Text in quotes, as messages show it. */
export const quoted = (text: string): string => JSON.stringify(text);

/** The text of several errors inside another's message, as Istio's webhook joins them. */
export const joined = (messages: readonly string[]): string | undefined =>
  messages.length === 0
    ? undefined
    : `${messages.length} error${messages.length > 1 ? 's' : ''} occurred:\n${messages.map((message) => `\t* ${message}\n`).join('')}\n`;

export const eachOf = <T>(map: Readonly<Record<string, T>> | undefined): readonly (readonly [string, T])[] =>
  Object.entries(map ?? {});

/** Names inside a message: of very many the first ones, since there may be a message for each name. */
export const shortList = (names: readonly string[], separator: string): string =>
  names.length <= 50
    ? names.join(separator)
    : `${names.slice(0, 50).join(separator)}${separator}and ${names.length - 50} more`;

/** The items that are there before, in order. */
export function repeatedIn<T>(items: readonly T[]): T[] {
  const seen = new Set<T>();
  return items.filter((item) => seen.size === seen.add(item).size);
}

/** The first items of a sequence that may be very long. */
export function take<T>(items: Iterable<T>, count: number): T[] {
  const taken: T[] = [];
  for (const item of items) {
    if (taken.length === count) break;
    taken.push(item);
  }
  return taken;
}
