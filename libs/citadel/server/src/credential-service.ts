import { status, type ServerWritableStream, type ServiceDefinition } from '@grpc/grpc-js';
import { identityIn, type GrpcService } from '@flotilla/grpc';
import type { Credential, CredentialUpdate } from '@flotilla/model';
import type { Logger } from '@flotilla/observability-port';
import { flotilla } from '@flotilla/proto-gen/credentials';

const { WatchRequest, Update } = flotilla.credentials.v1;
type Call = ServerWritableStream<object, CredentialUpdate & { readonly whole?: boolean }>;

const credentialService = {
  Watch: {
    path: '/flotilla.credentials.v1.Credentials/Watch', requestStream: false, responseStream: true,
    requestSerialize: (request: object) => Buffer.from(WatchRequest.encode(request).finish()), requestDeserialize: (bytes: Buffer): object => WatchRequest.decode(bytes),
    responseSerialize: ({ whole = false, put, delete: gone }: CredentialUpdate & { readonly whole?: boolean }) => Buffer.from(Update.encode({
      whole, delete: [...gone],
      put: [...put].map(([key, { certificate, key: privateKey, roots, revoked }]) => ({ key, certificate, privateKey, roots, revoked })),
    }).finish()),
    responseDeserialize: (bytes: Buffer) => bytes,
  },
} satisfies ServiceDefinition;

export interface CredentialServer extends GrpcService {
  /** Takes a change in, and gives it to who watches; the first makes it ready to be watched. */
  update(change: CredentialUpdate): void;
}

/** Serves credentials to those whose certificate proves one of the identities in `allow`. Who reads slowly gets the latest of each. */
export function createCredentialServer({ allow, log, maxWatchers = 100 }: { readonly allow: readonly string[]; readonly log: Logger; readonly maxWatchers?: number }): CredentialServer {
  const held = new Map<string, Credential>();
  const watchers = new Map<Call, ReturnType<typeof createPending>>();
  let isReady = false;

  function watch(call: Call): void {
    const identity = identityIn(call.getAuthContext().sslPeerCertificate?.raw);
    const refuse = (code: status, details: string): void => {
      log.warn('credentials refused', { identity, peer: call.getPeer(), reason: details });
      call.emit('error', { code, details });
    };
    if (identity === undefined || !allow.includes(identity)) return refuse(status.PERMISSION_DENIED, 'this identity may not read credentials');
    if (watchers.size >= maxWatchers) return refuse(status.RESOURCE_EXHAUSTED, `there are ${maxWatchers} watchers already`);
    const pending = createPending(call);
    watchers.set(call, pending);
    call.on('drain', () => pending.flush());
    for (const event of ['cancelled', 'close', 'error']) call.on(event, () => watchers.delete(call));
    if (isReady) pending.begin(held);
  }

  return {
    addTo: (server) => void server.addService(credentialService, { Watch: watch }),
    update(change) {
      for (const [key, credential] of change.put) held.set(key, credential);
      for (const key of change.delete) held.delete(key);
      for (const pending of watchers.values()) {
        if (isReady) pending.add(change);
        else pending.begin(held);
      }
      isReady = true;
    },
  };
}

/** What one watcher has not been sent yet. */
function createPending(call: Call) {
  let changed = new Map<string, Credential | undefined>();
  let whole = false;
  let isFull = false;
  const flush = (): void => {
    isFull = false;
    if (!whole && changed.size === 0) return;
    const entries = [...changed];
    const update = { whole, put: new Map(entries.flatMap(([key, value]) => (value ? [[key, value] as const] : []))), delete: entries.flatMap(([key, value]) => (value ? [] : [key])) };
    [changed, whole] = [new Map(), false];
    isFull = !call.write(update);
  };
  return {
    flush,
    begin(held: ReadonlyMap<string, Credential>): void {
      [changed, whole] = [new Map(held), true];
      flush();
    },
    add({ put, delete: gone }: CredentialUpdate): void {
      for (const [key, credential] of put) changed.set(key, credential);
      for (const key of gone) changed.set(key, undefined);
      if (!isFull) flush();
    },
  };
}
