import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { buildCsr, generateKey, keyToPem, type KeyAndCertificate } from '@flotilla/pki';
import { requestCertificate } from '@flotilla/runtime/certificate';
import type { Mesh } from '../mesh/attacked-mesh.ts';
import { caOf } from './workload.ts';

/** The certificate of a service of the control plane, for what somebody can do who has taken it over. */
export async function serviceCertificate(mesh: Mesh, service: string): Promise<KeyAndCertificate> {
  const tokens = JSON.parse(readFileSync(join(mesh.folder, 'state/tokens.json'), 'utf8')) as Readonly<
    Record<string, string>
  >;
  const key = generateKey();
  const [cert = ''] = await requestCertificate(caOf(mesh.ca), { csr: buildCsr(key, {}), token: tokens[service] ?? '' });
  return { key: keyToPem(key), cert, roots: mesh.roots };
}

/**
 * What a client shows. nats-server knows its users by their certificates alone; `inboxes` is the user whose inboxes the
 * client takes.
 */
export interface NatsUser {
  readonly user?: string;
  readonly password?: string;
  readonly certificate?: KeyAndCertificate;
  readonly inboxes?: string;
}

/** A connection to nats-server, closed after the row. Rejects when it is refused. */
export async function connectNats(
  mesh: Mesh,
  { user, password, certificate, inboxes = 'x' }: NatsUser,
): Promise<NatsConnection> {
  const tls = {
    ca: mesh.roots,
    ...(certificate ? { key: certificate.key, cert: certificate.cert } : {}),
    checkServerIdentity: () => undefined,
  };
  const connection = await connect({
    servers: mesh.address('nats'),
    maxReconnectAttempts: 0,
    reconnect: false,
    timeout: 5000,
    ignoreClusterUpdates: true,
    inboxPrefix: `_INBOX_${inboxes}`,
    ...(user === undefined ? {} : { user, pass: password ?? '' }),
    tls,
  });
  mesh.onClose(() => connection.close());
  return connection;
}
