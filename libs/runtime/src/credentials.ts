import { Client, type ClientReadableStream } from '@grpc/grpc-js';
import { clientCredentials, serverNamed } from '@flotilla/grpc';
import type { Credential, CredentialSource, CredentialUpdate } from '@flotilla/model';
import type { Logger } from '@flotilla/observability-port';
import { spiffeOf } from '@flotilla/pki';
import { flotilla } from '@flotilla/proto-gen/credentials';
import { aborted, AsyncQueue, hashBytes, messageOf, systemClock, type Clock } from '@flotilla/std';
import type { ServiceCertificate } from './service-certificate.ts';

const { WatchRequest, Update } = flotilla.credentials.v1;
type Update = InstanceType<typeof Update>;
const path = '/flotilla.credentials.v1.Credentials/Watch';
/** Citadel closes a message at 1 MiB; the last Secret in it has at most another. */
const maxBytes = 4 * 1024 * 1024;
const backoff = { first: 200, most: 5000 };
/** How long citadel may take for its first word. */
const answerMs = 20_000;

export interface CredentialClientOptions {
  readonly address: string;
  readonly certificate: Pick<ServiceCertificate, 'current' | 'onChange' | 'first'>;
  readonly trustDomain: string;
  readonly log: Logger;
  readonly clock?: Clock;
}

/** Credentials from citadel. While it is away what is known stays in force; when it is back, what differs follows. */
export function createCredentialClient({ address, certificate, trustDomain, log: root, clock = systemClock }: CredentialClientOptions): CredentialSource {
  const log = root.scope('secrets');
  const open = (): { stream: ClientReadableStream<Update>; close(): void } => {
    const channel = clientCredentials(certificate, spiffeOf({ trustDomain, namespace: 'istio-system', serviceAccount: 'citadel' }));
    const client = new Client(address, channel, { ...serverNamed('istio-citadel.istio-system.svc'), 'grpc.max_receive_message_length': maxBytes, 'grpc.use_local_subchannel_pool': 1, 'grpc.keepalive_time_ms': 10_000, 'grpc.keepalive_timeout_ms': 5000 });
    const stream = client.makeServerStreamRequest(path, (request: object) => Buffer.from(WatchRequest.encode(request).finish()), (bytes: Buffer) => Update.decode(bytes), {});
    return { stream, close: () => client.close() };
  };

  /** One connection, until it ends for whatever reason. Returns what ends it. */
  function follow(onUpdate: (update: Update) => void, onEnd: (reason: string) => void): () => void {
    const { stream, close } = open();
    let isOver = false;
    const end = (reason: string): void => {
      if (isOver) return;
      isOver = true;
      cancelDeadline();
      stream.cancel();
      close();
      onEnd(reason);
    };
    const cancelDeadline = clock.after(answerMs, () => end(`no answer within ${answerMs / 1000} s`));
    stream.on('data', (update: Update) => {
      cancelDeadline();
      if (!isOver) onUpdate(update);
    });
    stream.on('error', (error) => end(messageOf(error))).on('end', () => end('the stream ended'));
    return () => end('stopped');
  }

  return {
    async *watch(signal) {
      await Promise.race([certificate.first, aborted(signal)]);
      const left = new AbortController();
      const over = AbortSignal.any([signal, left.signal]);
      const queue = new AsyncQueue<CredentialUpdate>();
      const mirror = createCredentialMirror();
      let wait = backoff.first;
      let stop = (): void => {};
      const take = (update: Update): void => {
        wait = backoff.first;
        const fresh = mirror.apply(update);
        if (fresh) queue.push(fresh);
      };
      const again = (reason: string): void => {
        if (over.aborted) return;
        log.warn('no credentials from citadel, trying again', { reason, inMs: wait });
        stop = clock.after(wait, connect);
        wait = Math.min(wait * 2, backoff.most);
      };
      const connect = (): void => {
        if (over.aborted) return;
        mirror.begin();
        try {
          stop = follow(take, again);
        } catch (thrown) {
          again(messageOf(thrown));
        }
      };
      over.addEventListener('abort', () => {
        queue.close();
        stop();
      }, { once: true });
      connect();
      try {
        if (!over.aborted) yield* queue;
      } finally {
        left.abort();
      }
    },
  };
}

const bytesOf = (bytes: Uint8Array | null | undefined): Uint8Array | undefined => (bytes && bytes.length > 0 ? bytes : undefined);

/**
 * What the reader has been given, as digests, so that after a reconnection (`begin`) only differences follow: new values at once, the end of what citadel no
 * longer has when its state is complete.
 */
function createCredentialMirror(): { begin(): void; apply(update: Pick<Update, 'complete' | 'put' | 'delete'>): CredentialUpdate | undefined } {
  const held = new Map<string, string>();
  let unconfirmed = new Set<string>();
  return {
    begin: () => void (unconfirmed = new Set(held.keys())),
    apply({ complete, put, delete: gone }) {
      const fresh = new Map<string, Credential>();
      for (const { key: name, certificate, privateKey, ocspStaple, roots, revoked } of put) {
        const key = name ?? '';
        const parts = { certificate: bytesOf(certificate), key: bytesOf(privateKey), staple: bytesOf(ocspStaple), roots: bytesOf(roots), revoked: bytesOf(revoked) };
        const digest = Object.values(parts).map((part) => (part ? hashBytes(part) : '')).join(' ');
        unconfirmed.delete(key);
        if (held.get(key) === digest) continue;
        held.set(key, digest);
        fresh.set(key, Object.fromEntries(Object.entries(parts).filter(([, part]) => part !== undefined)));
      }
      const ended = [...gone, ...(complete ? unconfirmed : [])].filter((key) => held.delete(key));
      if (complete) unconfirmed = new Set();
      return fresh.size === 0 && ended.length === 0 ? undefined : { put: fresh, delete: ended };
    },
  };
}
