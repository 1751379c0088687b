import { Client, type ClientDuplexStream } from '@grpc/grpc-js';
import { channelCredentials, serverNamed } from '@flotilla/grpc';
import type { Credential, CredentialSource, CredentialSubscription, CredentialUpdate } from '@flotilla/model';
import type { Logger } from '@flotilla/observability-port';
import { controlPlaneHost, controlPlaneIdentity, type ControlPlane } from '@flotilla/rules';
import { flotilla } from '@flotilla/proto-gen/credentials';
import { AsyncQueue, messageOf, systemClock, type Clock } from '@flotilla/std';
import type { ServiceCertificate } from './service-certificate.ts';
import { createWaiting } from './waiting.ts';

const { WatchRequest, Update } = flotilla.credentials.v1;
type Request = Parameters<typeof WatchRequest.encode>[0];
type Update = InstanceType<typeof Update>;
const path = '/flotilla.credentials.v1.Credentials/Watch';
/** Citadel ends a message at 1 MiB; the last Secret in it may add up to another. */
const maxBytes = 4 * 1024 * 1024;
/** Names in one request: some 300 kB. */
const maxNames = 1000;
const backoff = { first: 200, most: 5000 };
/** How long citadel may take to answer names. */
const answerMs = 20_000;

export interface CredentialClientOptions {
  readonly address: string;
  readonly certificate: Pick<ServiceCertificate, 'current' | 'onChange' | 'first'>;
  readonly controlPlane: ControlPlane;
  readonly log: Logger;
  readonly clock?: Clock;
}

/**
 * Credentials from citadel. While citadel is unreachable, the last known credentials stay in force; afterwards it
 * answers every name again.
 */
export const createCredentialClient = (options: CredentialClientOptions): CredentialSource => ({
  subscribe: (signal) => new Subscription(options, signal),
});

/** One connection to citadel, until it ends for whatever reason. */
interface Connection {
  send(request: Request): void;
  close(): void;
}

class Subscription implements CredentialSubscription {
  readonly #options: Required<Omit<CredentialClientOptions, 'log'>>;
  readonly #waiting: ReturnType<typeof createWaiting>;
  readonly #over: AbortSignal;
  readonly #left = new AbortController();
  readonly #updates = new AsyncQueue<CredentialUpdate>(() => this.#left.abort());
  readonly #wanted = new Set<string>();
  readonly #readers = new Set<string>();
  /** Names that citadel has not answered on this connection. */
  readonly #owed = new Set<string>();
  #connection: Connection | undefined;
  #wait = backoff.first;
  #cancelRetry = (): void => {};
  #cancelDeadline: (() => void) | undefined;

  constructor({ log, clock = systemClock, ...options }: CredentialClientOptions, signal: AbortSignal) {
    this.#options = { ...options, clock };
    this.#waiting = createWaiting(log.scope('secrets'), clock);
    this.#over = AbortSignal.any([signal, this.#left.signal]);
    this.#over.addEventListener('abort', () => this.#stop(), { once: true });
    void options.certificate.first.then(() => this.#connect());
  }

  add(name: string): void {
    this.#wanted.add(name);
    this.#ask([name]);
  }

  drop(name: string): void {
    if (!this.#wanted.delete(name)) return;
    this.#owed.delete(name);
    this.#watchDeadline();
    this.#connection?.send({ drop: [name] });
  }

  addReader(account: string): void {
    this.#readers.add(account);
    this.#connection?.send({ addReaders: [account] });
  }

  dropReader(account: string): void {
    if (this.#readers.delete(account)) this.#connection?.send({ dropReaders: [account] });
  }

  [Symbol.asyncIterator](): AsyncIterator<CredentialUpdate> {
    return this.#updates;
  }

  #stop(): void {
    this.#cancelRetry();
    this.#connection?.close();
    this.#connection = undefined;
    this.#owed.clear();
    this.#watchDeadline();
    this.#updates.close();
  }

  #connect(): void {
    if (this.#over.aborted) return;
    try {
      this.#connection = this.#open();
      // A first request is expected soon, whether something is wanted already or not.
      this.#connection.send({ add: [] });
      for (const accounts of inLots(this.#readers)) this.#connection.send({ addReaders: accounts });
      this.#ask([...this.#wanted]);
    } catch (thrown) {
      this.#retry(messageOf(thrown));
    }
  }

  #retry(reason: string): void {
    if (this.#over.aborted) return;
    const { address, clock } = this.#options;
    this.#connection?.close();
    this.#connection = undefined;
    this.#owed.clear();
    this.#watchDeadline();
    this.#waiting(`waiting for citadel at ${address}: is it running?`, { reason });
    this.#cancelRetry = clock.after(this.#wait, () => this.#connect());
    this.#wait = Math.min(this.#wait * 2, backoff.most);
  }

  #ask(names: readonly string[]): void {
    if (!this.#connection) return;
    for (const name of names) this.#owed.add(name);
    for (const lot of inLots(names)) this.#connection.send({ add: lot });
    this.#watchDeadline();
  }

  /** Runs while citadel owes an answer. */
  #watchDeadline(): void {
    if (this.#owed.size === 0) {
      this.#cancelDeadline?.();
      this.#cancelDeadline = undefined;
    } else
      this.#cancelDeadline ??= this.#options.clock.after(answerMs, () =>
        this.#retry(`no answer within ${answerMs / 1000} s`),
      );
  }

  /** Takes in what is wanted, and nothing else. */
  #take({ put, delete: gone, pending, readers: verdicts }: Update): void {
    this.#wait = backoff.first;
    const fresh = new Map(
      put.map((each) => [each.key ?? '', credentialOf(each)] as const).filter(([name]) => this.#wanted.has(name)),
    );
    const absent = gone.filter((name) => this.#wanted.has(name));
    const readers = new Map(
      verdicts
        .map(({ account, allowed }) => [account ?? '', allowed === true] as const)
        .filter(([account]) => this.#readers.has(account)),
    );
    const answered = [...fresh.keys(), ...absent, ...pending];
    for (const name of answered) this.#owed.delete(name);
    if (answered.length > 0) this.#cancelDeadline?.();
    if (answered.length > 0) this.#cancelDeadline = undefined;
    this.#watchDeadline();
    if (fresh.size + absent.length + readers.size > 0) this.#updates.push({ put: fresh, delete: absent, readers });
  }

  #open(): Connection {
    const { address, certificate, controlPlane } = this.#options;
    const channel = channelCredentials(certificate, controlPlaneIdentity(controlPlane, 'citadel'));
    const client = new Client(address, channel, {
      ...serverNamed(controlPlaneHost('citadel', controlPlane.systemNamespace)),
      'grpc.max_receive_message_length': maxBytes,
      'grpc.use_local_subchannel_pool': 1,
      'grpc.keepalive_time_ms': 10_000,
      'grpc.keepalive_timeout_ms': 5000,
    });
    const stream: ClientDuplexStream<Request, Update> = client.makeBidiStreamRequest(
      path,
      (request: Request) => Buffer.from(WatchRequest.encode(request).finish()),
      (bytes: Buffer) => Update.decode(bytes),
    );
    const isOurs = (): boolean => this.#connection === connection;
    const ended = (reason: string): void => {
      if (isOurs()) this.#retry(reason);
    };
    const connection: Connection = {
      send: (request) => void stream.write(request),
      close: () => {
        stream.cancel();
        client.close();
      },
    };
    stream.on('data', (update: Update) => {
      if (isOurs()) this.#take(update);
    });
    stream.on('error', (error) => ended(messageOf(error))).on('end', () => ended('the stream ended'));
    return connection;
  }
}

/** Names for one request each. */
function* inLots(names: Iterable<string>): Iterable<string[]> {
  const all = [...names];
  for (let i = 0; i < all.length; i += maxNames) yield all.slice(i, i + maxNames);
}

const bytesOf = (bytes: Uint8Array | null | undefined): Uint8Array | undefined =>
  bytes && bytes.length > 0 ? bytes : undefined;

function credentialOf({ certificate, privateKey, ocspStaple, roots, revoked }: Update['put'][number]): Credential {
  const parts = {
    certificate: bytesOf(certificate),
    key: bytesOf(privateKey),
    staple: bytesOf(ocspStaple),
    roots: bytesOf(roots),
    revoked: bytesOf(revoked),
  };
  return Object.fromEntries(Object.entries(parts).filter(([, part]) => part !== undefined));
}
