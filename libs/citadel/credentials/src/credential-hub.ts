import {
  rootsSuffix,
  type Credential,
  type CredentialSource,
  type CredentialSubscription,
  type CredentialUpdate,
} from '@flotilla/model';

/** An update is closed once it has so many bytes: none is larger than this and a Secret. */
const maxBytes = 1024 * 1024;
const sizeOf = (credential: Credential): number =>
  Object.values(credential).reduce<number>((sum, part: Uint8Array | undefined) => sum + (part?.length ?? 0), 0);

/** Credentials of Secrets, for subscribers to some of their names. */
export interface CredentialHub extends CredentialSource {
  /**
   * Takes in what changed of the Secrets. Before the first time nothing is answered: what is not there yet may only not
   * have been read.
   */
  update(change: CredentialUpdate): void;
}

export function createCredentialHub(): CredentialHub {
  const secrets = new Map<string, Credential>();
  const subscriptions = new Set<Subscription>();
  let isReady = false;
  return {
    update({ put, delete: gone }) {
      for (const [key, credential] of put) secrets.set(key, credential);
      for (const key of gone) secrets.delete(key);
      const names = [...put.keys(), ...gone].flatMap(namesIn);
      for (const subscription of subscriptions) {
        if (isReady) subscription.changed(names);
        else subscription.start();
      }
      isReady = true;
    },
    subscribe(signal) {
      const subscription = new Subscription(
        (name) => credentialNamed(secrets, name),
        () => subscriptions.delete(subscription),
      );
      subscriptions.add(subscription);
      if (isReady) subscription.start();
      if (signal.aborted) subscription.end();
      else signal.addEventListener('abort', () => subscription.end(), { once: true });
      return subscription;
    },
  };
}

/** The names of credentials that a Secret may decide. */
const namesIn = (secret: string): string[] =>
  secret.endsWith(rootsSuffix) ? [secret] : [secret, `${secret}${rootsSuffix}`];

/**
 * What a name means now, as CredentialSubscription says: a private key is only in what is requested by the name without
 * suffix.
 */
function credentialNamed(secrets: ReadonlyMap<string, Credential>, name: string): Credential | undefined {
  if (!name.endsWith(rootsSuffix)) {
    const { certificate, key, staple } = secrets.get(name) ?? {};
    return certificate && key ? { certificate, key, ...(staple ? { staple } : {}) } : undefined;
  }
  const { roots, revoked } = secrets.get(name) ?? secrets.get(name.slice(0, -rootsSuffix.length)) ?? {};
  return roots ? { roots, ...(revoked ? { revoked } : {}) } : undefined;
}

/**
 * Names that a subscriber has no answer for yet; what they mean is looked up when it takes the next update, so a
 * slow one costs their names and no more.
 */
class Subscription implements CredentialSubscription, AsyncIterator<CredentialUpdate> {
  readonly #wanted = new Set<string>();
  readonly #untold = new Set<string>();
  readonly #lookUp: (name: string) => Credential | undefined;
  readonly #onEnd: () => void;
  #waiting: ((result: IteratorResult<CredentialUpdate>) => void) | undefined;
  #state: 'waiting for Secrets' | 'open' | 'ended' = 'waiting for Secrets';

  constructor(lookUp: (name: string) => Credential | undefined, onEnd: () => void) {
    this.#lookUp = lookUp;
    this.#onEnd = onEnd;
  }

  add(name: string): void {
    this.#wanted.add(name);
    this.#untold.add(name);
    this.#wake();
  }

  drop(name: string): void {
    this.#wanted.delete(name);
    this.#untold.delete(name);
  }

  changed(names: readonly string[]): void {
    for (const name of names) if (this.#wanted.has(name)) this.#untold.add(name);
    this.#wake();
  }

  start(): void {
    if (this.#state === 'waiting for Secrets') this.#state = 'open';
    this.#wake();
  }

  end(): void {
    this.#state = 'ended';
    this.#onEnd();
    this.#waiting?.({ value: undefined, done: true });
    this.#waiting = undefined;
  }

  next(): Promise<IteratorResult<CredentialUpdate>> {
    if (this.#state === 'ended') return Promise.resolve({ value: undefined, done: true });
    if (this.#state === 'open' && this.#untold.size > 0) return Promise.resolve({ value: this.#take(), done: false });
    return new Promise((resolve) => (this.#waiting = resolve));
  }

  return(): Promise<IteratorResult<CredentialUpdate>> {
    this.end();
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #wake(): void {
    const waiting = this.#waiting;
    if (!waiting || this.#state !== 'open' || this.#untold.size === 0) return;
    this.#waiting = undefined;
    // Whoever waits takes what has been added by then in one update.
    queueMicrotask(() =>
      waiting(this.#state === 'open' ? { value: this.#take(), done: false } : { value: undefined, done: true }),
    );
  }

  #take(): CredentialUpdate {
    const put = new Map<string, Credential>();
    const gone: string[] = [];
    let size = 0;
    for (const name of this.#untold) {
      if (size >= maxBytes) break;
      const credential = this.#lookUp(name);
      if (credential) put.set(name, credential);
      else gone.push(name);
      size += name.length + (credential ? sizeOf(credential) : 0);
      this.#untold.delete(name);
    }
    return { put, delete: gone };
  }
}
