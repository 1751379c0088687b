import type { KeySetKey, OnKeySet, WantedKeySet } from '@flotilla/model';
import type { Logger } from '@flotilla/observability-port';
import { hasSameKeys, hasUsableKey } from '@flotilla/rules';
import { createBackoff, type Backoff, type Clock } from '@flotilla/std';
import { failureOf, FetchFailure } from './failure.ts';
import { publicUrl } from './url.ts';

/** What a FollowedKeySet needs to stay up to date, and whom it reports to. */
export interface Following {
  /** Fetches; with `isLast`, after all others that wait. Rejects when it fails, or when the signal aborts. */
  fetch(key: KeySetKey, options: { readonly signal: AbortSignal; readonly isLast: boolean }): Promise<string>;
  /** Reserves room for `after` characters in place of `before`; false when they do not fit. */
  takesRoom(before: number, after: number): boolean;
  readonly maxTotalBytes: number;
  readonly onKeySet: OnKeySet;
  onFetched(): void;
  onFailed(failure: FetchFailure): void;
  /** Called when the state may have changed. */
  onState(): void;
  readonly clock: Clock;
  readonly random: () => number;
  readonly refreshMs: number;
  readonly maxBackoffMs: number;
  readonly keepMs: number;
  readonly log: Logger;
}

const firstRetryMs = 1000;
/** Refreshes come this much earlier or later, so that not all of them, and not those of all pilots, come at once. */
const spread = 0.1;

const noRoom = (limit: number): FetchFailure =>
  new FetchFailure(
    `all key sets together have more than ${limit} bytes (--jwks-total-bytes)`,
    'remove some, or raise the limit',
    'jwks_total_bytes',
  );

const unusable = (): FetchFailure =>
  new FetchFailure('none of its keys can verify a token', 'publish RSA, EC or OKP keys as RFC 7517 has them');

/**
 * One key set that is fetched until it is stopped.
 *
 *     fetching ──keys──▶ current ──refresh──▶ fetching
 *        │ ▲
 *        │ └──backoff──┐
 *        └──failure──▶ missing, or outdated while older keys are in force
 */
export class FollowedKeySet {
  readonly key: KeySetKey;
  /** Resolves when the first fetch has ended. */
  readonly answered: Promise<void>;
  readonly #links: Following;
  readonly #stop = new AbortController();
  readonly #backoff: Backoff;
  #objects: readonly string[];
  #jwks: string | undefined;
  #fetchedAt = 0;
  #failure: FetchFailure | undefined;
  #failingSince = 0;
  #cancel: () => void = () => {};

  constructor({ key, objects }: WantedKeySet, links: Following) {
    [this.key, this.#objects, this.#links] = [key, objects, links];
    this.#backoff = createBackoff({ firstMs: firstRetryMs, mostMs: links.maxBackoffMs, random: links.random });
    this.answered = this.#fetch();
  }

  get objects(): readonly string[] {
    return this.#objects;
  }

  /** Why there are no current keys, and since when (epoch ms); undefined while there are. */
  get failure(): { readonly failure: FetchFailure; readonly since: number } | undefined {
    return this.#failure && { failure: this.#failure, since: this.#failingSince };
  }

  get state(): 'current' | 'outdated' | 'missing' {
    if (this.#jwks === undefined) return 'missing';
    return this.#failure ? 'outdated' : 'current';
  }

  /** When the keys in force were last fetched (epoch ms); 0 when they never were. */
  get fetchedAt(): number {
    return this.#fetchedAt;
  }

  /** Replaces the names of the objects that need these keys. */
  rename(objects: readonly string[]): void {
    this.#objects = objects;
  }

  /** Ends all work. */
  stop(): void {
    this.#stop.abort();
    this.#cancel();
  }

  /** Ends all work, and takes the keys out of force. */
  forget(): void {
    this.stop();
    this.#replace(undefined);
  }

  async #fetch(): Promise<void> {
    const { signal } = this.#stop;
    try {
      const jwks = await this.#links.fetch(this.key, { signal, isLast: this.#failure !== undefined });
      if (!signal.aborted) this.#succeed(jwks);
    } catch (error) {
      if (!signal.aborted) this.#fail(failureOf(error));
    }
    this.#links.onState();
  }

  #succeed(jwks: string): void {
    const { clock, log, refreshMs, random, maxTotalBytes } = this.#links;
    const isSame = this.#jwks !== undefined && hasSameKeys(this.#jwks, jwks);
    if (!isSame && !this.#replace(jwks)) return this.#fail(noRoom(maxTotalBytes));
    this.#fetchedAt = clock.now();
    this.#backoff.reset();
    this.#links.onFetched();
    const failure = hasUsableKey(jwks) ? undefined : unusable();
    if (this.#failure && !failure) log.info('keys are available again', { url: publicUrl(this.key.url) });
    this.#note(failure);
    this.#again(refreshMs * (1 - spread + 2 * spread * random()));
  }

  #fail(failure: FetchFailure): void {
    const { clock, keepMs, refreshMs } = this.#links;
    this.#links.onFailed(failure);
    this.#note(failure);
    if (clock.now() - this.#fetchedAt >= keepMs) this.#replace(undefined);
    this.#again(Math.min(this.#backoff.next(), refreshMs));
  }

  /** Puts keys into force, or takes them out of it; false where there is no room. */
  #replace(jwks: string | undefined): boolean {
    if (jwks === this.#jwks) return true;
    if (!this.#links.takesRoom(this.#jwks?.length ?? 0, jwks?.length ?? 0)) return false;
    this.#jwks = jwks;
    this.#links.onKeySet(this.key, jwks);
    return true;
  }

  /** A failure is logged when it begins and when its reason changes. */
  #note(failure: FetchFailure | undefined): void {
    if (failure && failure.reason !== this.#failure?.reason)
      this.#links.log.warn('keys that verify tokens could not be fetched', {
        url: publicUrl(this.key.url),
        reason: failure.reason,
        remedy: failure.remedy,
        policies: this.#objects,
      });
    if (failure && !this.#failure) this.#failingSince = this.#links.clock.now();
    this.#failure = failure;
  }

  #again(ms: number): void {
    this.#cancel = this.#links.clock.after(ms, () => void this.#fetch());
  }
}
