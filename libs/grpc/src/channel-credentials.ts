import { X509Certificate } from 'node:crypto';
import type { PeerCertificate } from 'node:tls';
import { credentials, type ChannelCredentials, type ChannelOptions } from '@grpc/grpc-js';
import { peerIdentity, type CertificateSource } from '@flotilla/pki';
import { spiffeOf } from '@flotilla/rules';
import { releaseMessages } from './release-messages.ts';

/**
 * mTLS of a client, with the certificate that is in force now; the server must prove `identity`. Throws when there is
 * no certificate yet.
 */
export function channelCredentials(source: CertificateSource, identity: string): ChannelCredentials {
  const held = source.current();
  if (!held) throw new Error('there is no certificate yet; wait for the first');
  releaseMessages();
  return credentials.createSsl(Buffer.from(held.roots), Buffer.from(held.key), Buffer.from(held.cert), {
    checkServerIdentity: expectIdentity(identity),
  });
}

/** Accepts a server for its SPIFFE identity instead of its host name. */
export const expectIdentity =
  (identity: string) =>
  (_host: string, peer: PeerCertificate): Error | undefined => {
    const found = identityIn(peer.raw);
    return found === identity ? undefined : new Error(`the server is ${found ?? 'nobody'}, not ${identity}`);
  };

/**
 * The identity decides; a fixed name keeps IP addresses out of SNI, where they are not allowed (RFC 6066, 3).
 */
export const serverNamed = (name: string): ChannelOptions => ({
  'grpc.ssl_target_name_override': name,
  'grpc.default_authority': name,
});

/** The SPIFFE identity in a peer's certificate (DER); undefined when it names none. The chain is TLS' to check. */
export function identityIn(der: Uint8Array | undefined): string | undefined {
  if (!der) return undefined;
  const identity = peerIdentity(new X509Certificate(der));
  return identity.ok ? spiffeOf(identity.value) : undefined;
}
