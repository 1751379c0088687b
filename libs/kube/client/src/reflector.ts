import {
  describeResource,
  isExpired,
  isNotFound,
  type KubeResource,
  type Selection,
  type WatchEvent,
} from '@flotilla/kube-port';
import { createBackoff, messageOf, type Backoff, type Clock } from '@flotilla/std';
import { listPages } from './list.ts';
import type { Transport } from './transport.ts';
import { watchLines } from './watch-stream.ts';

export interface ReflectorOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  /** Uniform from 0 to 1. */
  readonly random: () => number;
  readonly pageSize: number;
  /** The API server ends a watch after this time, or up to twice as long. */
  readonly watchLifetimeMs: number;
  /** How long a watch may be silent before it is started again over a new connection. */
  readonly silenceMs: number;
  /** The longest time between two checks whether a kind that the API server lacked now exists. */
  readonly missingKindMs: number;
  /** The pause after a failure, doubled with each further one up to `mostPauseMs`. */
  readonly firstPauseMs: number;
  readonly mostPauseMs: number;
}

/** How far the watch of one selection has come. */
type Position =
  /** The list comes next. */
  | { readonly type: 'unknown' }
  | { readonly type: 'watching'; readonly version: string; readonly resourceVersion: string }
  /** The API server does not have the kind. */
  | { readonly type: 'not served' };

/**
 * Lists and watches one kind until the signal aborts. `position` moves from `unknown` through a list to `watching`, or
 * to `not served` when there is no such kind. It returns to `unknown` when its version has expired, or when the kind
 * has been removed.
 */
export class Reflector {
  readonly #options: ReflectorOptions;
  readonly #resource: KubeResource;
  readonly #selection: Selection;
  readonly #backoff: Backoff;
  #position: Position = { type: 'unknown' };
  #lastAnswer: number;
  #isAway = false;

  constructor(resource: KubeResource, selection: Selection, options: ReflectorOptions) {
    this.#resource = resource;
    this.#selection = selection;
    this.#options = options;
    this.#lastAnswer = options.clock.now();
    const { firstPauseMs, mostPauseMs, random } = options;
    this.#backoff = createBackoff({ firstMs: firstPauseMs, mostMs: mostPauseMs, random });
  }

  async *run(signal: AbortSignal): AsyncIterable<readonly WatchEvent[]> {
    const { clock, transport, missingKindMs, random } = this.#options;
    while (!signal.aborted) {
      const startedAt = clock.now();
      const wasWatching = this.#position.type === 'watching';
      let failure: unknown;
      try {
        yield* this.#position.type === 'watching' ? this.#watch(this.#position, signal) : this.#list(signal);
      } catch (thrown) {
        if (signal.aborted) return;
        failure = thrown;
        if (isExpired(thrown) || isNotFound(thrown)) this.#position = { type: 'unknown' };
        else if (!this.#isAway) {
          this.#isAway = true;
          yield [{ type: 'away', since: this.#lastAnswer, reason: this.#reasonOf(thrown) }];
        }
      }
      // Without this, a watch that ends as soon as it has begun would be started again without a pause.
      const isHasty = this.#position.type === 'watching' && clock.now() - startedAt < this.#options.firstPauseMs;
      if (this.#position.type === 'not served')
        await transport.wait(missingKindMs * (0.5 + random() / 2), undefined, signal);
      else if (failure !== undefined || isHasty) await transport.wait(this.#backoff.next(), failure, signal);
      else if (wasWatching) this.#backoff.reset();
    }
  }

  async *#list(signal: AbortSignal): AsyncIterable<readonly WatchEvent[]> {
    const { transport, pageSize } = this.#options;
    const wasServed = this.#position.type !== 'not served';
    for (const version of this.#resource.versions) {
      let resourceVersion: string | undefined;
      const [resource, selection] = [this.#resource, this.#selection];
      try {
        for await (const page of listPages({ transport, resource, version, selection, pageSize, signal })) {
          const events: WatchEvent[] = page.objects.map((object) => ({ type: 'found', object }));
          yield resourceVersion === undefined ? this.#answered([{ type: 'listing' }, ...events]) : events;
          resourceVersion = page.resourceVersion;
        }
      } catch (thrown) {
        if (isNotFound(thrown)) continue;
        throw thrown;
      }
      if (resourceVersion === undefined) return;
      this.#position = { type: 'watching', version, resourceVersion };
      yield [{ type: 'synced', served: true }];
      return;
    }
    this.#position = { type: 'not served' };
    const isNews = wasServed || this.#isAway;
    if (isNews) yield this.#answered([{ type: 'listing' }, { type: 'synced', served: false }]);
  }

  async *#watch(
    { version, resourceVersion }: Position & { readonly type: 'watching' },
    signal: AbortSignal,
  ): AsyncIterable<readonly WatchEvent[]> {
    const { transport, clock, random, silenceMs, watchLifetimeMs } = this.#options;
    const lifetimeSeconds = Math.ceil((watchLifetimeMs * (1 + random())) / 1000);
    const [resource, selection] = [this.#resource, this.#selection];
    const place = { resource, version, selection, resourceVersion };
    for await (const lines of watchLines({ transport, clock, silenceMs, lifetimeSeconds, signal, ...place })) {
      const events: WatchEvent[] = [];
      for (const { type, object } of lines) if (type !== 'bookmark') events.push({ type, object });
      const answered = this.#answered(events);
      if (answered.length > 0) yield answered;
      const last = lines.at(-1);
      if (!last) continue;
      // That a list or a watch is accepted does not say that it holds: what fails after that is tried ever less often.
      this.#backoff.reset();
      this.#position = { type: 'watching', version, resourceVersion: last.resourceVersion };
    }
  }

  #answered(events: readonly WatchEvent[]): readonly WatchEvent[] {
    this.#lastAnswer = this.#options.clock.now();
    if (!this.#isAway) return events;
    this.#isAway = false;
    return [{ type: 'back' }, ...events];
  }

  /** For a missing permission, the API server's message names verb, resource and ServiceAccount. */
  #reasonOf(thrown: unknown): string {
    return `${describeResource(this.#resource)}: ${messageOf(thrown)}`;
  }
}
