import type { Socket } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import type { CertificateSource, KeyAndCertificate } from '@flotilla/pki';

/** TLS of a server whose certificate may be renewed while it serves. */
export interface ServerTls {
  readonly source: CertificateSource;
  /** Clients without a certificate of these roots are refused, or only requested to send one. */
  readonly clients: 'required' | 'optional';
  /** PEM of roots for clients besides the source's own. */
  readonly clientRoots?: string;
  /** A client does not trust the certificate; `alert` is TLS's name for why, as `unknown_ca` (RFC 8446, section 6). */
  onDistrust?(alert: string): void;
}
export interface TlsAcceptorOptions extends ServerTls {
  readonly protocol: 'h2' | 'http/1.1';
  /** A handshake is complete; `certified` when the client has proved a certificate. */
  onSecure(socket: TLSSocket, certified: boolean): void;
  onProblem(message: string): void;
}
export interface TlsAcceptor {
  /** Takes over a socket for its handshake. */
  accept(socket: Socket): void;
  close(): void;
}

const minVersion = 'TLSv1.2';
/** OpenSSL's codes for a client's alert about the server's certificate: `ERR_SSL_TLSV1_ALERT_UNKNOWN_CA` and others. */
const distrust = /_ALERT_(BAD_CERTIFICATE|UNKNOWN_CA|CERTIFICATE_UNKNOWN|CERTIFICATE_EXPIRED|UNSUPPORTED_CERTIFICATE)$/;

/**
 * Handshakes for sockets that somebody else has accepted. New handshakes have the certificate in force then; while
 * there is none yet, sockets are closed.
 */
export function createTlsAcceptor({
  source,
  clients,
  clientRoots,
  protocol,
  onSecure,
  onProblem,
  onDistrust,
}: TlsAcceptorOptions): TlsAcceptor {
  let isReady = false;
  const rejectUnauthorized = clients === 'required';
  const server = createServer(
    { minVersion, requestCert: true, rejectUnauthorized, ALPNProtocols: [protocol] },
    (socket) => onSecure(socket, socket.authorized),
  );
  server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
    const alert = distrust.exec(error.code ?? '')?.[1];
    if (alert !== undefined) onDistrust?.(alert.toLowerCase());
    socket.destroy();
  });
  const present = ({ key, cert, roots }: KeyAndCertificate): void => {
    try {
      server.setSecureContext({ key, cert, ca: [roots, ...(clientRoots ? [clientRoots] : [])], minVersion });
      isReady = true;
    } catch (thrown) {
      onProblem(
        `a new certificate cannot be used; the previous one stays in use: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
      );
    }
  };
  const forget = source.onChange(present);
  const current = source.current();
  if (current) present(current);
  return {
    accept(socket) {
      if (isReady) server.emit('connection', socket);
      else socket.destroy();
    },
    close: forget,
  };
}
