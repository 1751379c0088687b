import { createPublicKey, randomBytes, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildCertificate, buildRoot, generateKey, keyToPem } from '@flotilla/pki';
import { replaceFile } from '@flotilla/demo';
import { canRun, openMesh, until, type Rig } from './rig.ts';

const rootKey = generateKey();
const validity = { notBefore: Date.now() - 60_000, notAfter: Date.now() + 3_600_000 };
const root = buildRoot(rootKey, { organization: 'public', validity, serial: randomBytes(16) });

/**
 * A Secret with a certificate for the host; its serial number tells it from others. Envoy refuses it with the key of
 * another.
 */
function secretOf(serial: Buffer, other = false): string {
  const key = generateKey();
  const cert = buildCertificate(
    { publicKey: createPublicKey(key), validity, serial, dns: ['secure.example.com'] },
    { key: rootKey, certificate: new X509Certificate(root) },
  );
  return stringify({
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'kubernetes.io/tls',
    metadata: { name: 'web-certificate', namespace: 'istio-system' },
    stringData: { 'tls.crt': cert, 'tls.key': keyToPem(other ? generateKey() : key) },
  });
}
const serialOf = (byte: number): Buffer => Buffer.alloc(16, byte);

describe.skipIf(!canRun).each(['fleet', 'monolith'] as const)('TLS at the gateway, %s', (mode) => {
  let rig: Rig;
  beforeAll(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'flotilla-tls-'));
    writeFileSync(join(folder, 'secret.yaml'), secretOf(serialOf(0x41)));
    rig = await openMesh(
      [join(import.meta.dirname, 'testdata/web.yaml'), join(import.meta.dirname, 'testdata/tls.yaml'), folder],
      mode,
    );
  }, 90_000);
  afterAll(() => rig?.close(), 30_000);

  const ask = (): Promise<{ status: number; serial: string; body: string }> =>
    new Promise((resolve) => {
      const sent = request(
        {
          host: rig.mesh.gateway.ip,
          port: 8443,
          servername: 'secure.example.com',
          headers: { host: 'secure.example.com' },
          ca: root,
          agent: false,
        },
        (response) => {
          const { serialNumber: serial } = (
            response.socket as unknown as { getPeerCertificate(): { serialNumber: string } }
          ).getPeerCertificate();
          let body = '';
          response
            .on('data', (chunk: Buffer) => (body += chunk.toString()))
            .on('end', () => resolve({ status: response.statusCode ?? 0, serial, body }));
        },
      );
      sent.on('error', (error) => resolve({ status: 0, serial: '', body: error.message })).end();
    });

  it('is terminated with the certificate of the Secret', async () => {
    const { serial, body } = await until('TLS', ask, ({ status }) => status === 200);
    expect([serial, JSON.parse(body)]).toEqual([
      serialOf(0x41).toString('hex'),
      expect.objectContaining({ app: 'web' }),
    ]);
  });

  const secretFile = (): string => {
    const folder = rig.mesh.cluster.hostPath('secrets');
    return join(folder, readdirSync(folder)[0] ?? '');
  };
  it('has a new certificate as soon as the Secret has', async () => {
    replaceFile(secretFile(), secretOf(serialOf(0x42)));
    const { status } = await until(
      'the new certificate',
      ask,
      ({ serial }) => serial === serialOf(0x42).toString('hex'),
    );
    expect(status).toBe(200);
  });

  it('keeps the last good one while the Secret is wrong, and no Envoy sees that', async () => {
    const service = mode === 'fleet' ? 'citadel' : 'istiod';
    const logs = rig.mesh.cluster.hostPath('logs');
    const log = join(logs, readdirSync(logs).find((name) => name.startsWith(`istio-system_${service}-`)) ?? '');
    replaceFile(secretFile(), secretOf(serialOf(0x43), true));
    await until(
      'the reason',
      () => Promise.resolve(readFileSync(log, 'utf8')),
      (text) => text.includes('its key does not belong to its certificate'),
    );
    expect((await ask()).serial).toBe(serialOf(0x42).toString('hex'));
    expect(await rig.mesh.metric('pilot_total_xds_rejects')).toBe(0);
  });

  it('goes on while citadel is away, and has what changed when it is back', async () => {
    const service = mode === 'fleet' ? 'citadel' : 'istiod';
    const container = rig.mesh.cluster.pod('istio-system', service).container(service);
    const { restarts } = container;
    container.kill();
    replaceFile(secretFile(), secretOf(serialOf(0x44)));
    expect((await ask()).status).toBe(200);
    await until(
      'it starts again',
      () => Promise.resolve(container.restarts),
      (count) => count > restarts,
    );
    const { status } = await until('the certificate', ask, ({ serial }) => serial === serialOf(0x44).toString('hex'));
    expect(status).toBe(200);
  }, 60_000);

  it('leaves no trace of the key in what galley reads, on the bus, or in any log', () => {
    const line = /-----BEGIN PRIVATE KEY-----\s+(\S+)/.exec(readFileSync(secretFile(), 'utf8'))?.[1] ?? '';
    expect(line.length).toBeGreaterThan(20);
    const files = (path: string): string[] =>
      readdirSync(path, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name));
    const everything = ['state', 'logs', 'traces', 'pods'].flatMap((part) => files(rig.mesh.cluster.hostPath(part)));
    expect(everything.length).toBeGreaterThan(10);
    expect(everything.filter((path) => readFileSync(path).includes(line))).toEqual([]);
  });
});
