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
const maxBytes = 64 * 1024 * 1024;
const backoff = { first: 200, most: 5000 };

export interface CredentialClientOptions { readonly address: string; readonly certificate: ServiceCertificate; readonly trustDomain: string; readonly log: Logger; readonly clock?: Clock }

/** Credentials from citadel. While it is away what is known stays in force; when it is back, what differs follows. */
export function createCredentialClient({ address, certificate, trustDomain, log: root, clock = systemClock }: CredentialClientOptions): CredentialSource {
  const log = root.scope('secrets');
  const open = (): { stream: ClientReadableStream<Update>; close(): void } => {
    const channel = clientCredentials(certificate, spiffeOf({ trustDomain, namespace: 'istio-system', serviceAccount: 'citadel' }));
    const client = new Client(address, channel, { ...serverNamed('istio-citadel.istio-system.svc'), 'grpc.max_receive_message_length': maxBytes, 'grpc.use_local_subchannel_pool': 1, 'grpc.keepalive_time_ms': 10_000, 'grpc.keepalive_timeout_ms': 5000 });
    const stream = client.makeServerStreamRequest(path, (request: object) => Buffer.from(WatchRequest.encode(request).finish()), (bytes: Buffer) => Update.decode(bytes), {});
    return { stream, close: () => client.close() };
  };
  return {
    async *watch(signal) {
      await Promise.race([certificate.first, aborted(signal)]);
      const queue = new AsyncQueue<CredentialUpdate>();
      const mirror = createCredentialMirror();
      let wait = backoff.first;
      let stop = (): void => {};
      const connect = (): void => {
        if (signal.aborted) return;
        const { stream, close } = open();
        stop = () => stream.cancel();
        let isOver = false;
        const again = (reason: string): void => {
          if (isOver) return;
          isOver = true;
          close();
          if (signal.aborted) return;
          log.warn('no credentials from citadel, trying again', { reason, inMs: wait });
          stop = clock.after(wait, connect);
          wait = Math.min(wait * 2, backoff.most);
        };
        stream.on('data', (update: Update) => {
          wait = backoff.first;
          const fresh = mirror.apply(update);
          if (fresh) queue.push(fresh);
        });
        stream.on('error', (error) => again(messageOf(error))).on('end', () => again('the stream ended'));
      };
      const end = (): void => queue.close();
      signal.addEventListener('abort', end, { once: true });
      connect();
      try {
        yield* queue;
      } finally {
        signal.removeEventListener('abort', end);
        stop();
      }
    },
  };
}

const bytesOf = (bytes: Uint8Array | null | undefined): Uint8Array | undefined => (bytes && bytes.length > 0 ? bytes : undefined);

/** What the reader has been given, as digests, so that after a reconnection only differences follow. */
export function createCredentialMirror(): { apply(update: Pick<Update, 'whole' | 'put' | 'delete'>): CredentialUpdate | undefined } {
  const held = new Map<string, string>();
  return {
    apply({ whole, put, delete: gone }) {
      const fresh = new Map<string, Credential>();
      const named = new Set<string>();
      for (const { key, certificate, privateKey, roots, revoked } of put) {
        const parts = { certificate: bytesOf(certificate), key: bytesOf(privateKey), roots: bytesOf(roots), revoked: bytesOf(revoked) };
        const digest = Object.values(parts).map((part) => (part ? hashBytes(part) : '')).join(' ');
        named.add(key ?? '');
        if (held.get(key ?? '') === digest) continue;
        held.set(key ?? '', digest);
        fresh.set(key ?? '', Object.fromEntries(Object.entries(parts).filter(([, part]) => part !== undefined)));
      }
      const ended = (whole ? [...held.keys()].filter((key) => !named.has(key)) : gone).filter((key) => held.delete(key));
      return fresh.size === 0 && ended.length === 0 ? undefined : { put: fresh, delete: ended };
    },
  };
}
