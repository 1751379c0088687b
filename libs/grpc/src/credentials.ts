import { X509Certificate } from 'node:crypto';
import type { PeerCertificate } from 'node:tls';
import { credentials, experimental, type ChannelCredentials, type ChannelOptions, type ServerCredentials } from '@grpc/grpc-js';
import { peerIdentity, spiffeOf, type CertificateSource, type KeyAndCertificate } from '@flotilla/pki';

/** TLS of a server whose certificate may be renewed while it serves. Clients without a certificate are refused, or only asked for one. */
export function serverCredentials(source: CertificateSource, clients: 'required' | 'optional'): ServerCredentials {
  const provider = certificateProviderOf(source);
  return experimental.createCertificateProviderServerCredentials(provider, provider, clients === 'required');
}

/** mTLS of a client, with the certificate that is in force now; the server must prove `identity`. Throws when there is no certificate yet. */
export function clientCredentials(source: CertificateSource, identity: string): ChannelCredentials {
  const held = source.current();
  if (!held) throw new Error('there is no certificate yet; wait for the first');
  return credentials.createSsl(Buffer.from(held.roots), Buffer.from(held.key), Buffer.from(held.cert), { checkServerIdentity: expectIdentity(identity) });
}

/** Accepts a server for its SPIFFE identity instead of its host name. */
export const expectIdentity = (identity: string) => (_host: string, peer: PeerCertificate): Error | undefined => {
  const found = identityIn(peer.raw);
  return found === identity ? undefined : new Error(`the server is ${found ?? 'nobody'}, not ${identity}`);
};

/** The identity is what counts; a fixed name keeps IP addresses out of SNI, where they are not allowed (RFC 6066, 3). */
export const serverNamed = (name: string): ChannelOptions => ({ 'grpc.ssl_target_name_override': name, 'grpc.default_authority': name });

/** The SPIFFE identity in a peer's certificate (DER); undefined when it names none. The chain is TLS' to check. */
export function identityIn(der: Uint8Array | undefined): string | undefined {
  if (!der) return undefined;
  const identity = peerIdentity(new X509Certificate(der));
  return identity.ok ? spiffeOf(identity.value) : undefined;
}

function certificateProviderOf(source: CertificateSource): experimental.CertificateProvider {
  const stops = new Map<unknown, () => void>();
  const follow = <T>(listener: (update: T) => void, update: (value: KeyAndCertificate) => T): void => {
    stops.set(listener, source.onChange((value) => listener(update(value))));
    // grpc-js registers its own watcher only after this returns: an answer at once would be lost.
    process.nextTick(() => {
      const current = source.current();
      if (current && stops.has(listener)) listener(update(current));
    });
  };
  const stop = (listener: unknown): void => {
    stops.get(listener)?.();
    stops.delete(listener);
  };
  return {
    addCaCertificateListener: (listener) => follow(listener, ({ roots }) => ({ caCertificate: Buffer.from(roots) })),
    addIdentityCertificateListener: (listener) => follow(listener, ({ key, cert }) => ({ certificate: Buffer.from(cert), privateKey: Buffer.from(key) })),
    removeCaCertificateListener: stop,
    removeIdentityCertificateListener: stop,
  };
}
