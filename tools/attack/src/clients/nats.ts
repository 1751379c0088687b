import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { buildCsr, generateKey, keyToPem, type KeyAndCertificate } from '@flotilla/pki';
import { requestCertificate } from '@flotilla/runtime/certificate';
import type { Mesh } from '../mesh/mesh.ts';
import { caOf } from './workload.ts';

const readJson = (mesh: Mesh, name: string): Readonly<Record<string, string>> => JSON.parse(readFileSync(join(mesh.folder, 'state', name), 'utf8')) as Readonly<Record<string, string>>;

/** The certificate of a service of the control plane, for what somebody can do who has taken it over. */
export async function serviceCertificate(mesh: Mesh, service: string): Promise<KeyAndCertificate> {
  const key = generateKey();
  const [cert = ''] = await requestCertificate(caOf(mesh.ca), { csr: buildCsr(key, {}), token: readJson(mesh, 'tokens.json')[service] ?? '' });
  return { key: keyToPem(key), cert, roots: mesh.roots };
}

export const passwordOf = (mesh: Mesh, user: string): string => readJson(mesh, 'passwords.json')[user] ?? '';

export interface NatsUser { readonly user?: string; readonly password?: string; readonly certificate?: KeyAndCertificate }

/** A connection to nats-server, closed after the row. Rejects when it is refused. */
export async function connectNats(mesh: Mesh, { user, password, certificate }: NatsUser): Promise<NatsConnection> {
  const tls = { ca: mesh.roots, ...(certificate ? { key: certificate.key, cert: certificate.cert } : {}), checkServerIdentity: () => undefined };
  const connection = await connect({
    servers: mesh.address('nats'), maxReconnectAttempts: 0, reconnect: false, timeout: 5000, ignoreClusterUpdates: true, inboxPrefix: `_INBOX_${user ?? 'x'}`,
    ...(user === undefined ? {} : { user, pass: password ?? '' }),
    tls,
  });
  mesh.onClose(() => connection.close());
  return connection;
}
