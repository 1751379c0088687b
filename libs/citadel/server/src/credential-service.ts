import { once } from 'node:events';
import { status, type ServerDuplexStream, type ServiceDefinition } from '@grpc/grpc-js';
import { identityIn, type GrpcService } from '@flotilla/grpc';
import type { CredentialSource, CredentialSubscription, CredentialUpdate } from '@flotilla/model';
import { createLimits, type Observability } from '@flotilla/observability-port';
import { flotilla } from '@flotilla/proto-gen/credentials';

const { WatchRequest, Update } = flotilla.credentials.v1;
type Request = InstanceType<typeof WatchRequest>;
type Call = ServerDuplexStream<Request, CredentialUpdate>;

const credentialService = {
  Watch: {
    path: '/flotilla.credentials.v1.Credentials/Watch',
    requestStream: true,
    responseStream: true,
    requestSerialize: (request: Request) => Buffer.from(WatchRequest.encode(request).finish()),
    requestDeserialize: (bytes: Buffer): Request => WatchRequest.decode(bytes),
    responseSerialize: ({ put, delete: gone, pending = [], readers = new Map<string, boolean>() }: CredentialUpdate) =>
      Buffer.from(
        Update.encode({
          delete: [...gone],
          pending: [...pending],
          readers: [...readers].map(([account, allowed]) => ({ account, allowed })),
          put: [...put].map(([key, { certificate, key: privateKey, staple, roots, revoked }]) => ({
            key,
            certificate,
            privateKey,
            ocspStaple: staple,
            roots,
            revoked,
          })),
        }).finish(),
      ),
    responseDeserialize: (bytes: Buffer) => bytes,
  },
} satisfies ServiceDefinition;

/** The longest name: a namespace, a slash, the name of a Secret, `-cacert`. */
const maxNameLength = 63 + 1 + 253 + '-cacert'.length;

export interface CredentialServerOptions {
  readonly source: CredentialSource;
  /** SPIFFE identities that may have credentials; any others are refused with PERMISSION_DENIED. */
  readonly allow: readonly string[];
  readonly observability: Observability;
  /** Names that one stream may follow at a time; a stream that requests more ends with RESOURCE_EXHAUSTED. */
  readonly maxNames: number;
  readonly maxStreams?: number;
}

/** Serves credentials by name over mTLS: to each stream those that it requests, as fast as it reads. */
export function createCredentialServer({
  source,
  allow,
  observability,
  maxNames,
  maxStreams = 100,
}: CredentialServerOptions): GrpcService {
  const log = observability.log.scope('secrets');
  const limitHit = createLimits(observability.metrics, ['credential_streams', 'credential_names']);
  let streams = 0;

  function watch(call: Call): void {
    const identity = identityIn(call.getAuthContext().sslPeerCertificate?.raw);
    const refuse = (code: status, details: string): void => {
      log.warn('credentials refused', { identity, peer: call.getPeer(), reason: details });
      call.emit('error', { code, details });
    };
    if (identity === undefined || !allow.includes(identity))
      return refuse(status.PERMISSION_DENIED, 'this identity may not read credentials');
    if (streams >= maxStreams) {
      limitHit('credential_streams');
      return refuse(status.RESOURCE_EXHAUSTED, `there are ${maxStreams} streams already`);
    }
    streams += 1;
    const stop = new AbortController();
    stop.signal.addEventListener('abort', () => (streams -= 1), { once: true });
    const subscription = source.subscribe(stop.signal);
    const [wanted, readers] = [new Set<string>(), new Set<string>()];
    for (const event of ['cancelled', 'close', 'error', 'end']) call.on(event, () => stop.abort());
    const isTooMuch = (name: string): boolean => {
      if (name.length > maxNameLength)
        refuse(status.INVALID_ARGUMENT, `a name is longer than ${maxNameLength} characters`);
      else if (wanted.size + readers.size > maxNames) {
        limitHit('credential_names');
        refuse(status.RESOURCE_EXHAUSTED, `more than ${maxNames} names were requested`);
      } else return false;
      return true;
    };
    call.on('data', ({ add, drop, addReaders, dropReaders }: Request) => {
      for (const name of drop) if (wanted.delete(name)) subscription.drop(name);
      for (const account of dropReaders) if (readers.delete(account)) subscription.dropReader(account);
      for (const account of addReaders) {
        readers.add(account);
        if (isTooMuch(account)) return;
        subscription.addReader(account);
      }
      for (const name of add) {
        wanted.add(name);
        if (isTooMuch(name)) return;
        subscription.add(name);
      }
    });
    void send(call, subscription, stop.signal);
  }
  return { addTo: (server) => void server.addService(credentialService, { Watch: watch }) };
}

/** Writes what the subscription gives; looks for more only when the client has taken that. */
async function send(call: Call, subscription: CredentialSubscription, signal: AbortSignal): Promise<void> {
  for await (const update of subscription) {
    if (!call.write(update)) await once(call, 'drain', { signal }).catch(() => {});
  }
  if (!call.destroyed) call.end();
}
