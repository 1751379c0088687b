import { EventEmitter, once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keySetKey, type KeySetKey, type KeySetSubscription } from '@flotilla/model';
import { noObservability, type Fields, type Logger, type Metrics } from '@flotilla/observability-port';
import type { OptionsOf } from '@flotilla/std';
import { createManualClock, createTestCa, startKeyServer, type KeyServer } from '@flotilla/testing';
import { createKeySetSource, jwksSettings, type JwksOptions } from './index.ts';

export const ca = createTestCa();
export const certificate = ca.issue({ dns: ['localhost', 'keys.test'] });

const defaults = Object.fromEntries(
  Object.entries(jwksSettings()).map(([name, { value }]) => [name, value]),
) as OptionsOf<ReturnType<typeof jwksSettings>>;
const keysAt = (url: string): KeySetKey => keySetKey({ kind: 'jwks', url });
type Answer = Parameters<typeof startKeyServer>[0];

/** A source of key sets that trusts the test's CA and may connect to 127.0.0.1, and the servers of a test. */
export class SourceRig {
  readonly clock = createManualClock(Date.UTC(2026, 0, 1));
  /** What the source has given, in order. */
  readonly given: (readonly [url: string, jwks: string | undefined])[] = [];
  readonly logged: (readonly [message: string, fields: Fields | undefined])[] = [];
  readonly #folder = mkdtempSync(join(tmpdir(), 'jwks-'));
  readonly #stop = new AbortController();
  readonly #servers: { close(): void }[] = [];
  readonly #events = new EventEmitter();
  #subscription: KeySetSubscription | undefined;

  start(options: Partial<JwksOptions> = {}): this {
    const extra = join(this.#folder, 'extra.pem');
    writeFileSync(extra, ca.roots);
    const log: Logger = {
      ...noObservability.log,
      warn: (message, fields) => void this.logged.push([message, fields]),
      scope: () => log,
    };
    const metrics: Metrics = {
      ...noObservability.metrics,
      counter: (name) => ({ add: () => void this.#events.emit(name), remove: () => {} }),
    };
    const source = createKeySetSource({
      ...defaults,
      jwksExtraRoots: extra,
      jwksAllowedAddresses: ['127.0.0.1/32'],
      ...options,
      observability: { metrics, log },
      clock: this.clock,
      random: () => 0.5,
    });
    this.#subscription = source.subscribe((key, jwks) => {
      this.given.push([key.url, jwks]);
      this.#events.emit('given');
    }, this.#stop.signal);
    return this;
  }

  get subscription(): KeySetSubscription {
    if (!this.#subscription) throw new Error('not started');
    return this.#subscription;
  }

  /** Resolves when the keys at these places have been fetched, or could not be. */
  async want(...keys: (KeySetKey | string)[]): Promise<void> {
    const wanted = keys.map((key) => (typeof key === 'string' ? keysAt(key) : key));
    this.subscription.want(wanted.map((key) => ({ key, objects: ['shop/tokens'] })));
    await this.subscription.answered();
  }

  /** Resolves when something more has been given. */
  async next(): Promise<void> {
    await once(this.#events, 'given');
  }

  /** Resolves when a fetch has succeeded. */
  async fetched(): Promise<void> {
    await once(this.#events, 'pilot_jwks_resolver_network_fetch_success_total');
  }

  /** Resolves when a fetch has failed. */
  async failed(): Promise<void> {
    await once(this.#events, 'pilot_jwks_resolver_network_fetch_fail_total');
  }

  /** The messages of all problems. */
  get problems(): string {
    return this.subscription
      .problems()
      .map(({ message }) => message)
      .join('\n');
  }

  async serve(answer: Answer, options: Parameters<typeof startKeyServer>[1] = { certificate }): Promise<KeyServer> {
    const server = await startKeyServer(answer, options);
    this.#servers.push(server);
    return server;
  }

  closing(server: { close(): void }): void {
    this.#servers.push(server);
  }

  close(): void {
    this.#stop.abort();
    for (const server of this.#servers) server.close();
  }
}

export const text =
  (body: string, status = 200): Answer =>
  (_, response) =>
    void response.writeHead(status).end(body);
