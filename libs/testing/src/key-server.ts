import { generateKeyPairSync } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { KeyAndCertificate } from '@flotilla/pki';

/** A key set (RFC 7517) with new RSA keys of these ids. */
export const newKeySet = (...ids: string[]): string =>
  JSON.stringify({
    keys: ids.map((kid) => ({
      ...generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' }),
      kid,
    })),
  });

export interface KeyServerOptions {
  /** Plain HTTP without it. */
  readonly certificate?: KeyAndCertificate;
  readonly host?: string;
  /** Any by default. */
  readonly port?: number;
}

/** An HTTP or HTTPS server on this machine, whose answers the test decides. */
export interface KeyServer {
  /** Without a path; by the name `localhost` where it has a certificate. */
  readonly url: string;
  readonly port: number;
  /** Paths of all requests. */
  readonly requests: readonly string[];
  /** Resolves when there have been so many requests. */
  received(count: number): Promise<void>;
  close(): void;
}

export async function startKeyServer(
  answer: RequestListener,
  { certificate, host = '127.0.0.1', port = 0 }: KeyServerOptions = {},
): Promise<KeyServer> {
  const requests: string[] = [];
  const events = new EventEmitter();
  const listener: RequestListener = (request, response) => {
    requests.push(request.url ?? '');
    events.emit('request');
    answer(request, response);
  };
  const server: Server = certificate ? createServer(certificate, listener) : createHttpServer(listener);
  server.listen(port, host);
  await once(server, 'listening');
  const bound = (server.address() as AddressInfo).port;
  return {
    url: certificate ? `https://localhost:${bound}` : `http://${host}:${bound}`,
    port: bound,
    requests,
    async received(count) {
      while (requests.length < count) await once(events, 'request');
    },
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
