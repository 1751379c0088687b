import { status, type ServerWritableStream, type ServiceDefinition } from '@grpc/grpc-js';
import { identityIn, type GrpcService } from '@flotilla/grpc';
import type { Credential, CredentialUpdate } from '@flotilla/model';
import type { Logger } from '@flotilla/observability-port';
import { flotilla } from '@flotilla/proto-gen/credentials';
import { createPending, type WireUpdate } from './pending-credentials.ts';

const { WatchRequest, Update } = flotilla.credentials.v1;
type Call = ServerWritableStream<object, WireUpdate>;

const credentialService = {
  Watch: {
    path: '/flotilla.credentials.v1.Credentials/Watch', requestStream: false, responseStream: true,
    requestSerialize: (request: object) => Buffer.from(WatchRequest.encode(request).finish()), requestDeserialize: (bytes: Buffer): object => WatchRequest.decode(bytes),
    responseSerialize: ({ complete, put, delete: gone }: WireUpdate) => Buffer.from(Update.encode({
      complete, delete: [...gone],
      put: [...put].map(([key, { certificate, key: privateKey, staple, roots, revoked }]) => ({ key, certificate, privateKey, ocspStaple: staple, roots, revoked })),
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
    const pending = createPending((update) => call.write(update));
    watchers.set(call, pending);
    call.on('drain', pending.onDrain);
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
