import { createWaiting } from '../cluster/waiting.ts';
import type { Sample } from './load.ts';

/** What the shop answered, as far as the demo looks at it. */
interface Answer {
  readonly name: string;
  readonly version: string;
  readonly peer?: string;
  readonly upstreams?: readonly Answer[];
}

/** Shares of versions in percent, whole numbers. */
export type Split = Readonly<Record<string, number>>;
export interface Window {
  readonly requests: number;
  readonly errors: number;
  readonly versions: ReadonlyMap<string, number>;
}

/**
 * Everything that was answered, counted; an answer of a status that is `expected` meanwhile (an injected fault) is no
 * error.
 */
export class Tally {
  requests = 0;
  errors = 0;
  faults = 0;
  /** Status of an injected fault, while there is one. */
  expected: number | undefined;
  readonly samples: (Sample & { readonly version?: string })[] = [];
  readonly #service: string;
  readonly #waiting = createWaiting();

  /** Counts the versions of this service. */
  constructor(service: string) {
    this.#service = service;
  }

  add(sample: Sample): void {
    this.requests += 1;
    if (sample.status === this.expected) this.faults += 1;
    else if (sample.status !== 200) this.errors += 1;
    this.samples.push({ ...sample, ...versionIn(sample, this.#service) });
    this.#waiting.wake();
  }

  /** Resolves when `reached` holds, asked after each answer. Rejects after `timeoutMs` or when `signal` aborts. */
  until(
    what: string,
    reached: () => boolean,
    { signal, timeoutMs = 15_000 }: { readonly signal: AbortSignal; readonly timeoutMs?: number },
  ): Promise<void> {
    return this.#waiting.until(reached, {
      timeoutMs,
      signal,
      describe: () => `${what}: not within ${timeoutMs / 1000} s`,
    });
  }

  /** What was sent at or after `since` and before `until` (epoch milliseconds). */
  window(since: number, until = Infinity): Window {
    const within = this.samples.filter(({ at }) => at >= since && at < until);
    const versions = new Map<string, number>();
    for (const { version } of within)
      if (version !== undefined) versions.set(version, (versions.get(version) ?? 0) + 1);
    return {
      requests: within.length,
      errors: within.filter(({ status }) => status !== 200 && status !== this.expected).length,
      versions,
    };
  }
}

/** Counts as percentages. */
export function splitOf(versions: ReadonlyMap<string, number>): Split {
  const sum = [...versions.values()].reduce((a, b) => a + b, 0);
  return Object.fromEntries(
    [...versions]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([version, count]) => [version, Math.round((100 * count) / sum)]),
  );
}

function versionIn({ status, body }: Sample, service: string): { readonly version?: string } {
  if (status !== 200) return {};
  const find = (answer: Answer): string | undefined =>
    answer.name === service ? answer.version : answer.upstreams?.map(find).find((found) => found !== undefined);
  try {
    const version = find(JSON.parse(body) as Answer);
    return version === undefined ? {} : { version };
  } catch {
    return {};
  }
}
