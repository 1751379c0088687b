import type { Problem } from '@flotilla/model';

/** Gathers what checks answer. A check gives its message, or undefined when nothing is wrong. */
export class Report {
  readonly #problems: Problem[] = [];

  get problems(): readonly Problem[] {
    return this.#problems;
  }

  /** The resource is refused. */
  error(path: string, message: string | undefined): void {
    if (message !== undefined) this.#problems.push({ code: 'invalid', level: 'error', path, message });
  }

  /** The resource is in force, but may not do what was meant. */
  warn(path: string, message: string | undefined): void {
    if (message !== undefined) this.#problems.push({ code: 'doubtful', level: 'warning', path, message });
  }
}

/** Text in quotes, as messages show it. */
export const quoted = (text: string): string => JSON.stringify(text);

/** The text of several errors inside another's message, as Istio's webhook joins them. */
export const joined = (messages: readonly string[]): string | undefined => (messages.length === 0 ? undefined
  : `${messages.length} error${messages.length > 1 ? 's' : ''} occurred:\n${messages.map((message) => `\t* ${message}\n`).join('')}\n`);

export const eachOf = <T>(map: Readonly<Record<string, T>> | undefined): readonly (readonly [string, T])[] => Object.entries(map ?? {});
