import type { Credential, CredentialSubscription, CredentialUpdate } from '@flotilla/model';
import { followCredential } from './followed-credential.ts';
import { namespaceOf, type AccessReader, type Followed, type SecretReader } from './reader.ts';

/** An update is complete once it has this many bytes: none is larger than this plus one Secret. */
const maxBytes = 1024 * 1024;
const sizeOf = (credential: Credential): number =>
  Object.values(credential).reduce<number>((sum, part: Uint8Array | undefined) => sum + (part?.length ?? 0), 0);

export interface SubscriptionOptions {
  readonly secrets: SecretReader;
  readonly access: AccessReader;
  onEnd(): void;
}

/** What the subscriber requests of one namespace. */
interface NamespaceDemand {
  /** Undefined while no reader is allowed. */
  readonly names: Map<string, Followed<Credential | 'absent'> | undefined>;
  readonly readers: Map<string, Followed<'allowed' | 'refused'>>;
}

/**
 * Holds the names and readers that a subscriber has no answer for yet. Their values are looked up when the subscriber
 * takes the next update, so a slow subscriber uses memory only for names. A name is followed only while a reader of its
 * namespace is allowed. Otherwise it has no credential, or is pending while that is not decided: until then, a
 * subscriber that connects again keeps what it has.
 */
export class Subscription implements CredentialSubscription, AsyncIterator<CredentialUpdate> {
  readonly #options: SubscriptionOptions;
  readonly #namespaces = new Map<string, NamespaceDemand>();
  readonly #unanswered = new Set<string>();
  readonly #unansweredReaders = new Set<string>();
  #waiting: ((result: IteratorResult<CredentialUpdate>) => void) | undefined;
  #state: 'waiting for Secrets' | 'open' | 'ended' = 'waiting for Secrets';

  constructor(options: SubscriptionOptions) {
    this.#options = options;
  }

  add(name: string): void {
    if (this.#state === 'ended') return;
    const demand = this.#demandIn(namespaceOf(name));
    if (!demand.names.has(name)) demand.names.set(name, isAllowed(demand) ? this.#follow(name) : undefined);
    this.#unanswered.add(name);
    this.#wake();
  }

  drop(name: string): void {
    const demand = this.#demandIn(namespaceOf(name));
    demand.names.get(name)?.end();
    demand.names.delete(name);
    this.#unanswered.delete(name);
    this.#forgetUnused(namespaceOf(name));
  }

  addReader(account: string): void {
    if (this.#state === 'ended') return;
    const { readers } = this.#demandIn(namespaceOf(account));
    if (!readers.has(account))
      readers.set(
        account,
        this.#options.access.follow(account, () => this.#readerChanged(account)),
      );
    this.#readerChanged(account);
  }

  dropReader(account: string): void {
    const { readers } = this.#demandIn(namespaceOf(account));
    readers.get(account)?.end();
    readers.delete(account);
    this.#unansweredReaders.delete(account);
    this.#review(namespaceOf(account));
    this.#forgetUnused(namespaceOf(account));
  }

  changed(names: readonly string[]): void {
    for (const name of names) if (this.#namespaces.get(namespaceOf(name))?.names.has(name)) this.#unanswered.add(name);
    this.#wake();
  }

  start(): void {
    if (this.#state === 'waiting for Secrets') this.#state = 'open';
    this.#wake();
  }

  end(): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    for (const { names, readers } of this.#namespaces.values())
      for (const followed of [...names.values(), ...readers.values()]) followed?.end();
    this.#options.onEnd();
    this.#waiting?.({ value: undefined, done: true });
    this.#waiting = undefined;
  }

  next(): Promise<IteratorResult<CredentialUpdate>> {
    if (this.#state === 'ended') return Promise.resolve({ value: undefined, done: true });
    if (this.#isDue()) return Promise.resolve({ value: this.#take(), done: false });
    return new Promise((resolve) => (this.#waiting = resolve));
  }

  return(): Promise<IteratorResult<CredentialUpdate>> {
    this.end();
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #demandIn(namespace: string): NamespaceDemand {
    const demand = this.#namespaces.get(namespace) ?? { names: new Map(), readers: new Map() };
    this.#namespaces.set(namespace, demand);
    return demand;
  }

  #forgetUnused(namespace: string): void {
    const { names, readers } = this.#demandIn(namespace);
    if (names.size + readers.size === 0) this.#namespaces.delete(namespace);
  }

  #readerChanged(account: string): void {
    this.#unansweredReaders.add(account);
    this.#review(namespaceOf(account));
    this.#wake();
  }

  /** Begins or ends following the names in a namespace, depending on whether one of its readers is allowed now. */
  #review(namespace: string): void {
    const demand = this.#demandIn(namespace);
    const mayRead = isAllowed(demand);
    for (const [name, followed] of demand.names) {
      if (followed && mayRead) continue;
      followed?.end();
      demand.names.set(name, mayRead ? this.#follow(name) : undefined);
      // Also where it is not followed as before: it may have been pending.
      this.#unanswered.add(name);
    }
    this.#wake();
  }

  #follow(name: string): Followed<Credential | 'absent'> {
    return followCredential(this.#options.secrets, name, () => this.changed([name]));
  }

  /** Undefined while it is not known. */
  #meaningOf(name: string): Credential | 'absent' | undefined {
    const demand = this.#namespaces.get(namespaceOf(name));
    const followed = demand?.names.get(name);
    if (followed) return followed.current();
    return demand && isUndecided(demand) ? undefined : 'absent';
  }

  #isDue(): boolean {
    return this.#state === 'open' && this.#unanswered.size + this.#unansweredReaders.size > 0;
  }

  #wake(): void {
    const waiting = this.#waiting;
    if (!waiting || !this.#isDue()) return;
    this.#waiting = undefined;
    // A waiting subscriber gets everything that has been added by then in one update.
    queueMicrotask(() =>
      waiting(this.#state === 'open' ? { value: this.#take(), done: false } : { value: undefined, done: true }),
    );
  }

  #take(): CredentialUpdate {
    const put = new Map<string, Credential>();
    const readers = new Map<string, boolean>();
    const [gone, pending]: [string[], string[]] = [[], []];
    let size = 0;
    for (const account of this.#unansweredReaders) {
      if (size >= maxBytes) break;
      const verdict = this.#namespaces.get(namespaceOf(account))?.readers.get(account)?.current();
      if (verdict !== undefined) readers.set(account, verdict === 'allowed');
      size += account.length;
      this.#unansweredReaders.delete(account);
    }
    for (const name of this.#unanswered) {
      if (size >= maxBytes) break;
      const credential = this.#meaningOf(name);
      if (credential === undefined) pending.push(name);
      else if (credential === 'absent') gone.push(name);
      else put.set(name, credential);
      size += name.length + (typeof credential === 'object' ? sizeOf(credential) : 0);
      this.#unanswered.delete(name);
    }
    return { put, delete: gone, pending, readers };
  }
}

const isAllowed = ({ readers }: NamespaceDemand): boolean => {
  for (const verdict of readers.values()) if (verdict.current() === 'allowed') return true;
  return false;
};

const isUndecided = ({ readers }: NamespaceDemand): boolean => {
  for (const verdict of readers.values()) if (verdict.current() === undefined) return true;
  return false;
};
