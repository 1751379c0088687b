import { join } from 'node:path';
import { readFileSync, writeFileSync } from 'node:fs';
import { run } from './programs.ts';

const days = '30';

/**
 * Writes into a folder the CA of a cluster, the key pair for ServiceAccount tokens, and certificates for an admin and
 * for the API server, which is known by `hosts`: names and IPv4 addresses.
 */
export function makeCertificates(folder: string, hosts: readonly string[]): void {
  const openssl = (...args: readonly string[]): string => run(['openssl', ...args], { cwd: folder });
  const sign = (name: string, subject: string, extensions = ''): void => {
    openssl('req', '-newkey', 'rsa:2048', '-nodes', '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', subject);
    writeFileSync(join(folder, `${name}.ext`), extensions);
    const ca = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial'];
    openssl(
      'x509',
      '-req',
      '-in',
      `${name}.csr`,
      ...ca,
      '-out',
      `${name}.crt`,
      '-days',
      days,
      '-extfile',
      `${name}.ext`,
    );
  };
  openssl('genrsa', '-out', 'tokens.key', '2048');
  openssl('rsa', '-in', 'tokens.key', '-pubout', '-out', 'tokens.pub');
  const self = ['-x509', '-newkey', 'rsa:2048', '-nodes', '-days', days];
  openssl('req', ...self, '-keyout', 'ca.key', '-out', 'ca.crt', '-subj', '/CN=flotilla-cluster');
  const names = hosts.map((host) => `${/^[\d.]+$/.test(host) ? 'IP' : 'DNS'}:${host}`);
  sign('api', '/CN=kube-apiserver', `subjectAltName=${names.join(',')}`);
  sign('admin', '/O=system:masters/CN=admin');
}

/** Writes a self-contained kubeconfig for the admin, and returns its path. */
export function writeKubeconfig(folder: string, server: string): string {
  const encoded = (name: string): string => readFileSync(join(folder, name)).toString('base64');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'flotilla', cluster: { server, 'certificate-authority-data': encoded('ca.crt') } }],
    users: [
      {
        name: 'admin',
        user: { 'client-certificate-data': encoded('admin.crt'), 'client-key-data': encoded('admin.key') },
      },
    ],
    contexts: [{ name: 'flotilla', context: { cluster: 'flotilla', user: 'admin' } }],
    'current-context': 'flotilla',
  };
  const file = join(folder, 'kubeconfig');
  writeFileSync(file, JSON.stringify(config, undefined, 2), { mode: 0o600 });
  return file;
}
