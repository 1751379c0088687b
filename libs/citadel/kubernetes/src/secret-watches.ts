import {
  namespaceOf,
  readSecret,
  sameCredential,
  secretsIn,
  type Followed,
  type SecretReader,
} from '@flotilla/citadel-credentials';
import { noRoots, rootsSuffix, type Credential } from '@flotilla/model';
import { resources, type KubeApi, type KubeObject, type WatchEvent } from '@flotilla/kube-port';
import type { Logger } from '@flotilla/observability-port';
import { createFairSet, messageOf } from '@flotilla/std';

export interface SecretWatchesOptions {
  readonly api: KubeApi;
  readonly log: Logger;
  /**
   * The most Secrets that are watched at a time, of one namespace never more than are free; more wait until others are
   * released.
   */
  readonly maxWatches: number;
  /** Called when a Secret has to wait. */
  onFull(): void;
}

/**
 * Reads the requested Secrets, each by its own watch, as the kubelet does for the Secrets of its pods: no other Secret
 * reaches citadel. A Secret that becomes unusable keeps its last good version, and the last known Secrets stay in force
 * while the API server is unreachable.
 */
export function createSecretWatches(options: SecretWatchesOptions): SecretReader {
  const watches = new Map<string, SecretWatch>();
  const away = createAwayReports(options.log);
  const running = createFairSet({
    most: options.maxWatches,
    groupOf: namespaceOf,
    hold: (secret) => watches.get(secret)?.start(),
  });

  function begin(secret: string): void {
    if (running.add(secret)) return;
    if (running.waitingCount === 1)
      options.log.warn('gateways use more Secrets than citadel may watch; the rest wait', {
        limit: options.maxWatches,
        setting: '--max-secret-watches',
        secret,
      });
    options.onFull();
  }

  function end(watch: SecretWatch): void {
    watches.delete(watch.secret);
    watch.stop();
    running.delete(watch.secret);
  }

  return {
    follow(secret, onChange): Followed<Credential | 'absent'> {
      if (!isSecretName(secret)) return { current: () => 'absent', end: () => {} };
      const known = watches.get(secret);
      const watch = known ?? new SecretWatch(secret, { ...options, away });
      if (!known) {
        watches.set(secret, watch);
        begin(secret);
      }
      const listener = { onChange };
      watch.listeners.add(listener);
      return {
        current: () => watch.current,
        end() {
          if (watch.listeners.delete(listener) && watch.listeners.size === 0) end(watch);
        },
      };
    },
  };
}

/** `namespace/name` in the form that the API server accepts, so that a name cannot select more than one Secret. */
const isSecretName = (text: string): boolean =>
  /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\/[a-z0-9]([-a-z0-9.]{0,258}[a-z0-9])?$/.test(text);

type WatchOptions = Pick<SecretWatchesOptions, 'api' | 'log'> & { readonly away: AwayReports };

class SecretWatch {
  /** `namespace/name`. */
  readonly secret: string;
  readonly listeners = new Set<{ readonly onChange: () => void }>();
  current: Credential | 'absent' | undefined;
  readonly #options: WatchOptions;
  readonly #stop = new AbortController();
  #isFound = false;

  constructor(secret: string, options: WatchOptions) {
    this.secret = secret;
    this.#options = options;
  }

  start(): void {
    void this.#run().catch((thrown: unknown) =>
      this.#options.log.error('a Secret cannot be watched any more', {
        secret: this.secret,
        problem: messageOf(thrown),
      }),
    );
  }

  stop(): void {
    this.#stop.abort();
    this.#options.away.end(this.secret);
  }

  async #run(): Promise<void> {
    const [namespace = '', name = ''] = this.secret.split('/');
    const selection = { namespace, fieldSelector: `metadata.name=${name}` };
    for await (const events of this.#options.api.watch(resources.secrets, selection, this.#stop.signal))
      for (const event of events) this.#take(event);
  }

  #take(event: WatchEvent): void {
    switch (event.type) {
      case 'listing':
        this.#isFound = false;
        break;
      case 'found':
        this.#isFound = true;
        this.#read(event.object);
        break;
      case 'gone':
        this.#set('absent');
        break;
      case 'synced':
        if (!this.#isFound) this.#set('absent');
        break;
      case 'away':
        this.#options.away.begin(this.secret, event.reason);
        break;
      case 'back':
        this.#options.away.end(this.secret);
    }
  }

  #read(object: KubeObject): void {
    const [secret] = secretsIn(object);
    const read = secret && readSecret(secret).read;
    if (!read) return this.#set('absent');
    if (read.ok) return this.#set(read.value);
    const { message, resource } = read.error;
    this.#options.log.error(message, { resource });
    if (this.current === undefined || this.current === 'absent')
      this.#set(this.secret.endsWith(rootsSuffix) ? noRoots : 'absent');
  }

  #set(value: Credential | 'absent'): void {
    const { current } = this;
    const isSame = value === 'absent' || current === 'absent' ? value === current : sameCredential(current, value);
    this.current = value;
    if (isSame) return;
    if (value !== 'absent') this.#options.log.info('credential changed', { secret: this.secret });
    for (const { onChange } of [...this.listeners]) onChange();
  }
}

interface AwayReports {
  begin(secret: string, reason: string): void;
  end(secret: string): void;
}

/** Logs once that Secrets cannot be read, and once that all can be read again. */
function createAwayReports(log: Logger): AwayReports {
  const away = new Set<string>();
  return {
    begin(secret, reason) {
      if (away.size === 0)
        log.warn('Secrets cannot be read: gateways keep what they have, and get no new ones', {
          secret,
          problem: reason,
        });
      away.add(secret);
    },
    end(secret) {
      if (away.delete(secret) && away.size === 0) log.info('Secrets can be read again');
    },
  };
}
