import { constants, unwatchFile, watchFile } from 'node:fs';
import { open } from 'node:fs/promises';
import { status } from '@grpc/grpc-js';
import type { handleBidiStreamingCall, ServerDuplexStream } from '@grpc/grpc-js';
import { listenOnSocket } from '@flotilla/grpc';
import type { CertificateSource } from '@flotilla/pki';
import type { Logger } from '@flotilla/observability-port';
import type { GuardOptions } from '@flotilla/server';
import { envoy } from '@flotilla/proto-gen/discovery';
import { hashBytes, messageOf } from '@flotilla/std';
import { encodeSecret, encodeSecrets, parseSecretName } from './secrets.ts';

type Request = envoy.service.discovery.v3.DiscoveryRequest;
export interface SdsServerOptions {
  /** Path of the Unix socket. */
  readonly socket: string;
  readonly certificate: CertificateSource;
  /** Roots that are trusted besides the CA's own. */
  readonly extraRoots?: readonly string[];
  readonly guard?: GuardOptions;
  readonly log: Logger;
}
export interface SdsServer {
  close(): Promise<void>;
}

const maxNames = 64;
const maxMessageBytes = 1 << 20;
/** Envoy has a stream for each secret. */
const maxConcurrentStreams = 1000;
const maxWatchedFiles = 1024;
const maxFileBytes = 1024 * 1024;
const filePollMs = 5000;
const service = {
  StreamSecrets: {
    path: '/envoy.service.secret.v3.SecretDiscoveryService/StreamSecrets',
    requestStream: true,
    responseStream: true,
    requestSerialize: (request: Request) =>
      Buffer.from(envoy.service.discovery.v3.DiscoveryRequest.encode(request).finish()),
    requestDeserialize: (bytes: Buffer) => envoy.service.discovery.v3.DiscoveryRequest.decode(bytes),
    responseSerialize: (bytes: Buffer) => bytes,
    responseDeserialize: (bytes: Buffer) => bytes,
  },
};

/**
 * Serves secrets to Envoy: `default` (key and chain), `ROOTCA`, and files by name. A secret that isn't there yet is
 * sent when it comes; every renewal is pushed to all streams that requested it.
 */
export async function createSdsServer(options: SdsServerOptions): Promise<SdsServer> {
  const streams = new Set<() => void>();
  const watched = new Set<string>();
  const pushAll = (): void => streams.forEach((push) => push());
  const read = async (path: string): Promise<string> => {
    if (!watched.has(path) && watched.size < maxWatchedFiles) {
      watched.add(path);
      watchFile(path, { interval: filePollMs, persistent: false }, pushAll);
    } else if (!watched.has(path))
      options.log.warn('a file of a secret is not watched', { path, reason: `${maxWatchedFiles} others are` });
    return readBounded(path);
  };
  const secretOf = async (name: string): Promise<Uint8Array | undefined> => {
    const asked = parseSecretName(name);
    const workload = options.certificate.current();
    switch (asked?.kind) {
      case undefined:
        return undefined;
      case 'certificate':
        return workload && encodeSecret(name, { key: workload.key, cert: workload.cert });
      case 'roots':
        return (
          workload &&
          encodeSecret(name, { roots: [...new Set([workload.roots, ...(options.extraRoots ?? [])])].join('\n') })
        );
      case 'file-roots':
        return encodeSecret(name, { roots: await read(asked.path) });
      case 'file-certificate':
        return encodeSecret(name, { cert: await read(asked.cert), key: await read(asked.key) });
    }
  };
  const stream = (call: ServerDuplexStream<Request, Buffer>): void =>
    serve(call, { secretOf, streams, log: options.log });
  const handlers = { StreamSecrets: stream } as unknown as Record<string, handleBidiStreamingCall<unknown, unknown>>;
  const listening = await listenOnSocket(
    options.socket,
    [{ addTo: (server) => server.addService(service, handlers) }],
    { ...options.guard, grpc: { maxMessageBytes, maxConcurrentStreams } },
  );
  const unsubscribe = options.certificate.onChange(pushAll);
  return {
    async close() {
      unsubscribe();
      for (const path of watched) unwatchFile(path, pushAll);
      await listening.close(0);
    },
  };
}

/** The text of a file that a secret's name gives: no device, no pipe, and nothing that a certificate can't be. */
async function readBounded(path: string): Promise<string> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw new Error(`${path} is not a file`);
    if (stats.size > maxFileBytes) throw new Error(`${path} has more than ${maxFileBytes} bytes`);
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}

interface Serving {
  secretOf(name: string): Promise<Uint8Array | undefined>;
  readonly streams: Set<() => void>;
  readonly log: Logger;
}

/**
 * One stream of Envoy, which requests one or more names. Answers go out one after the other, each with what is current
 * then.
 */
function serve(call: ServerDuplexStream<Request, Buffer>, { secretOf, streams, log }: Serving): void {
  let names: readonly string[] = [];
  let nonce = 0;
  let sent = '';
  /** What the next push has to do; a client that sends faster than it reads has one push at a time. */
  let next: 'nothing' | 'changes' | 'all' = 'nothing';
  let isPushing = false;
  const pushOnce = async (force: boolean): Promise<void> => {
    if (names.length === 0) return;
    const secrets = (await Promise.all(names.map(secretOf))).filter((secret) => secret !== undefined);
    const content = hashBytes(Buffer.concat(secrets));
    if (secrets.length < names.length || (!force && content === sent)) return;
    sent = content;
    if (!call.write(encodeSecrets(secrets, String(++nonce)))) await isTaken(call);
  };
  const pushAll = async (): Promise<void> => {
    isPushing = true;
    while (next !== 'nothing' && !call.destroyed && !call.cancelled) {
      const force = next === 'all';
      next = 'nothing';
      await pushOnce(force).catch((thrown: unknown) =>
        log.warn('secret not served', { names, error: messageOf(thrown) }),
      );
    }
    isPushing = false;
  };
  const push = (force = false): void => {
    if (force) next = 'all';
    else if (next === 'nothing') next = 'changes';
    if (!isPushing) void pushAll();
  };
  const onRenewal = (): void => push();
  const close = (): void => void streams.delete(onRenewal);
  streams.add(onRenewal);
  call.on('data', (request: Request) => {
    if (request.errorDetail) log.warn('Envoy refused a secret', { names, error: request.errorDetail.message });
    const changed =
      request.resourceNames.length !== names.length || request.resourceNames.some((name, i) => name !== names[i]);
    if (!changed && request.responseNonce !== '') return;
    const unknown = request.resourceNames.filter((name) => !parseSecretName(name));
    if (request.resourceNames.length > maxNames || unknown.length > 0) {
      const details =
        unknown.length > 0 ? `unknown secret ${unknown[0]?.slice(0, 200)}` : `more than ${maxNames} secrets`;
      call.emit('error', Object.assign(new Error(details), { code: status.INVALID_ARGUMENT, details }));
      return;
    }
    names = request.resourceNames;
    push(true);
  });
  call.on('end', () => call.end());
  for (const event of ['close', 'error', 'cancelled']) call.on(event, close);
}

/** Resolves when the client has taken what was written, or is gone. */
const isTaken = (call: ServerDuplexStream<Request, Buffer>): Promise<void> =>
  new Promise((resolve) => {
    const events = ['drain', 'close', 'error', 'cancelled'];
    const done = (): void => {
      for (const event of events) call.off(event, done);
      resolve();
    };
    for (const event of events) call.once(event, done);
  });
