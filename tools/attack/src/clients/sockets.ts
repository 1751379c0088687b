import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import type { KeyAndCertificate } from '@flotilla/pki';

/** Attackers come from an address of their own, so that a limit by address does not hit those who do nothing wrong. */
const localAddress = '127.99.0.1';
export interface Place {
  readonly host: string;
  readonly port: number;
}

/** A TCP connection; what goes wrong with it later is left alone. */
export async function tcp({ host, port }: Place, limitMs = 5000): Promise<Socket> {
  const socket = connectTcp({ host, port, localAddress });
  await once(socket, 'connect', { signal: AbortSignal.timeout(limitMs) }).catch((thrown: unknown) => {
    socket.destroy();
    throw thrown;
  });
  return socket.on('error', () => {});
}

export interface TlsOptions {
  readonly certificate?: KeyAndCertificate;
  readonly alpn?: readonly string[];
  readonly maxVersion?: 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';
  readonly limitMs?: number;
}

/** A TLS connection to whoever answers. */
export async function tls(
  place: Place,
  { certificate, alpn = ['h2'], maxVersion, limitMs = 5000 }: TlsOptions = {},
): Promise<TLSSocket> {
  const socket = connectTls({
    socket: await tcp(place, limitMs),
    rejectUnauthorized: false,
    ALPNProtocols: [...alpn],
    servername: 'localhost',
    ...(certificate ? { key: certificate.key, cert: certificate.cert } : {}),
    ...(maxVersion ? { maxVersion, minVersion: 'TLSv1' as const } : {}),
  });
  await once(socket, 'secureConnect', { signal: AbortSignal.timeout(limitMs) }).catch((thrown: unknown) => {
    socket.destroy();
    throw thrown;
  });
  return socket.on('error', () => {});
}

/** As many connections as come about; those that are refused are left out. */
export async function many<S>(count: number, open: () => Promise<S>, atOnce = 50): Promise<S[]> {
  const found: S[] = [];
  for (let left = count; left > 0; left -= atOnce) {
    const opened = await Promise.allSettled(Array.from({ length: Math.min(left, atOnce) }, open));
    found.push(...opened.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : [])));
  }
  return found;
}

/** Resolves with whether the peer ended the connection within a time. */
export const closedWithin = (socket: Socket, limitMs: number): Promise<boolean> =>
  new Promise((resolve) => {
    if (socket.destroyed || socket.readableEnded) return resolve(true);
    const done = (isClosed: boolean) => (): void => {
      clearTimeout(timer);
      resolve(isClosed);
    };
    const timer = setTimeout(done(false), limitMs);
    socket.once('close', done(true)).once('end', done(true));
    socket.resume();
  });
