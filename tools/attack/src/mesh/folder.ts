import { execFileSync } from 'node:child_process';
import { createPublicKey, randomBytes, X509Certificate } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { buildCertificate, buildRoot, generateKey, keyToPem } from '@flotilla/pki';

/** Namespaces of the mesh: `shop` has a sidecar and a gateway, `other` is a stranger's. */
const serviceEntry = (name: string, namespace: string, address: string): unknown => ({
  apiVersion: 'networking.istio.io/v1beta1',
  kind: 'ServiceEntry',
  metadata: { name, namespace },
  spec: {
    hosts: [`${name}.test`],
    addresses: ['240.0.0.1'],
    location: 'MESH_INTERNAL',
    resolution: 'STATIC',
    ports: [{ number: 80, name: 'http', protocol: 'HTTP' }],
    endpoints: [{ address }],
  },
});
const istio = (kind: string, metadata: object, spec: object): unknown => ({
  apiVersion: 'networking.istio.io/v1beta1',
  kind,
  metadata,
  spec,
});
/** The service account of the gateway, the only one that may have keys, and its address. */
export const gatewayAccount = 'gateway';
export const gatewayAddress = '10.0.0.9';
const mesh: readonly unknown[] = [
  serviceEntry('catalog', 'shop', '10.0.0.1'),
  serviceEntry('stock', 'shop', '10.0.0.2'),
  serviceEntry('ledger', 'other', '10.0.0.3'),
  istio(
    'VirtualService',
    { name: 'catalog', namespace: 'shop' },
    { hosts: ['catalog.test'], http: [{ timeout: '3s', route: [{ destination: { host: 'catalog.test' } }] }] },
  ),
  istio(
    'DestinationRule',
    { name: 'stock', namespace: 'shop' },
    { host: 'stock.test', trafficPolicy: { connectionPool: { tcp: { maxConnections: 7 } } } },
  ),
  istio(
    'Gateway',
    { name: 'web', namespace: 'shop' },
    {
      selector: { istio: 'ingressgateway' },
      servers: [
        {
          port: { number: 443, name: 'https', protocol: 'HTTPS' },
          tls: { mode: 'SIMPLE', credentialName: 'web-tls' },
          hosts: ['shop.test'],
        },
      ],
    },
  ),
  istio(
    'ServiceEntry',
    { name: 'gateway', namespace: 'shop' },
    {
      hosts: ['gateway.test'],
      location: 'MESH_INTERNAL',
      resolution: 'STATIC',
      ports: [{ number: 443, name: 'https', protocol: 'HTTPS' }],
      endpoints: [{ address: gatewayAddress, labels: { istio: 'ingressgateway' }, serviceAccount: gatewayAccount }],
    },
  ),
];

/** What is looked at after each row: a ServiceEntry whose endpoint is another one each time. */
export const heartbeat = (address: string): string => JSON.stringify(serviceEntry('heartbeat', 'shop', address));
export const heartbeatCluster = 'outbound|80||heartbeat.test';
/** Names that do not show what a row has left behind. */
export const isHeartbeat = (name: string): boolean => name.includes('heartbeat.test');

/** A TLS Secret, and its private key, which nobody but an authorised gateway may see. */
function secret(name: string, namespace: string): { readonly manifest: unknown; readonly key: string } {
  const key = generateKey();
  const validity = { notBefore: Date.now() - 60_000, notAfter: Date.now() + 86_400_000 };
  const root = new X509Certificate(buildRoot(key, { organization: 'attack', validity, serial: randomBytes(16) }));
  const cert = buildCertificate(
    { publicKey: createPublicKey(key), validity, serial: randomBytes(16), dns: [`${name}.test`] },
    { key, certificate: root },
  );
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const pem = keyToPem(key);
  return {
    key: pem,
    manifest: {
      apiVersion: 'v1',
      kind: 'Secret',
      type: 'kubernetes.io/tls',
      metadata: { name, namespace },
      data: { 'tls.crt': base64(cert), 'tls.key': base64(pem) },
    },
  };
}

/** `web-tls` is referenced by the gateway, `unused-tls` by nobody, `ledger-tls` belongs to another namespace. */
export const secretNames = { referenced: 'web-tls', unused: 'unused-tls', foreign: 'ledger-tls' } as const;

/** The mesh's files below a folder; returns the private keys in them as PEM. */
export function writeFolder(folder: string): {
  readonly config: string;
  readonly secrets: string;
  readonly keys: readonly string[];
} {
  const file = (path: string, content: unknown, mode = 0o644): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), JSON.stringify(content), { mode });
  };
  const given = [
    secret(secretNames.referenced, 'shop'),
    secret(secretNames.unused, 'shop'),
    secret(secretNames.foreign, 'other'),
  ];
  mesh.forEach((document, i) => file(`config/mesh-${i}.json`, document));
  given.forEach(({ manifest }, i) => file(`secrets/secret-${i}.json`, manifest, 0o600));
  mkdirSync(join(folder, 'config/rows'), { recursive: true });
  return { config: join(folder, 'config'), secrets: join(folder, 'secrets'), keys: given.map(({ key }) => key) };
}

/** Empties the folder that rows write to; their names may be of any bytes. */
export const emptyFolder = (folder: string): void => void execFileSync('find', [folder, '-mindepth', '1', '-delete']);
