import { asWarning, buildProblem, type Problem } from '@flotilla/model';
import { jsonAnswer, type Page } from '@flotilla/observability-port';
import { printable } from '@flotilla/std';

/** How a source is doing. Times are epoch milliseconds. */
export type SourceStatus = { readonly name: string } & (
  | { readonly state: 'reading'; readonly since: number }
  | { readonly state: 'in step' }
  /** It can't be reached: what galley has of it is from `since`. */
  | { readonly state: 'away'; readonly since: number; readonly reason: string }
);

/** The state of each source, and what is to be said of it. */
export class SourceStates {
  readonly #states = new Map<string, SourceStatus>();
  /** Those that have said so, and not yet that they are back. */
  readonly #away = new Set<string>();
  readonly #isSynced: (source: string) => boolean;

  /** `isSynced` says whether the whole state of a source is known. */
  constructor(names: readonly string[], { now, isSynced }: { now: number; isSynced: (source: string) => boolean }) {
    this.#isSynced = isSynced;
    for (const name of names) this.#states.set(name, { name, state: 'reading', since: now });
  }

  get all(): readonly SourceStatus[] {
    return [...this.#states.values()];
  }

  /** A run of it begins. */
  begin(name: string): void {
    this.#away.delete(name);
  }

  away(name: string, { since, reason }: { readonly since: number; readonly reason: string }): void {
    const before = this.#states.get(name);
    this.#away.add(name);
    this.#states.set(name, {
      name,
      state: 'away',
      since: before?.state === 'away' ? Math.min(before.since, since) : since,
      reason: printable(reason),
    });
  }

  /** It can be reached again. */
  back(name: string, now: number): void {
    this.#away.delete(name);
    this.heard(name, now);
  }

  /** Something was heard of the source, so it can be reached: unless it is away, and this is of another kind. */
  heard(name: string, now: number): void {
    if (this.#away.has(name)) return;
    if (this.#isSynced(name)) this.#states.set(name, { name, state: 'in step' });
    else if (this.#states.get(name)?.state !== 'reading')
      this.#states.set(name, { name, state: 'reading', since: now });
  }

  /** Why what galley has of a source may be old; `isOverdue` when galley has gone on without it. */
  problemOf(name: string, isOverdue: boolean): Problem | undefined {
    const status = this.#states.get(name);
    const isSynced = this.#isSynced(name);
    if (!status || status.state === 'in step' || (status.state === 'reading' && !isOverdue)) return undefined;
    const since = new Date(status.since).toISOString();
    const reason = status.state === 'away' ? `: ${status.reason}` : '';
    const state =
      status.state === 'away'
        ? `the source ${name} can't be reached since ${since}`
        : `the source ${name} is slow: it has been read since ${since}`;
    const effect = isSynced
      ? 'its last state stays in force'
      : isOverdue
        ? 'galley continues without it'
        : 'galley waits for it';
    const problem = buildProblem('SourceAway', { state: `${state}${reason}`, effect });
    return isSynced ? asWarning(problem) : problem;
  }
}

/** /debug/sources. */
export const sourcesPage = (sources: () => readonly SourceStatus[]): Page => ({
  summary: 'where configuration is read from, and whether that can be reached',
  answer: () =>
    jsonAnswer({
      sources: sources().map((one) => ('since' in one ? { ...one, since: new Date(one.since).toISOString() } : one)),
    }),
});

/** For readiness: one line for each source that galley does not hear of. */
export const sourceDetails = (sources: readonly SourceStatus[]): readonly string[] =>
  sources.flatMap((one) =>
    one.state === 'in step'
      ? []
      : [
          `source ${one.name} ${one.state} since ${new Date(one.since).toISOString()}${one.state === 'away' ? `: ${one.reason}` : ''}`,
        ],
  );
