import { spawn } from 'node:child_process';
import { randomBytes, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { handleBidiStreamingCall, sendUnaryData, ServerDuplexStream, ServerUnaryCall } from '@grpc/grpc-js';
import * as packet from 'dns-packet';
import { createSocket } from 'node:dgram';
import { afterEach, describe, expect, it } from 'vitest';
import { request } from '@flotilla/agent-health';
import { discoveryMethods, nameTableType } from '@flotilla/agent-relay';
import { buildCertificate, buildRoot, generateKey, keyToPem, parseCsr } from '@flotilla/pki';
import { istio } from '@flotilla/proto-gen/ca';
import { envoy, istio as names } from '@flotilla/proto-gen/discovery';
import { AsyncQueue } from '@flotilla/std';

const envoyBinary = process.env['ENVOY_BIN'] ?? new URL('../../../../.cache/bin/envoy', import.meta.url).pathname;
const main = new URL('../../../../apps/pilot-agent/src/main.ts', import.meta.url).pathname;
const { DiscoveryRequest, DiscoveryResponse } = envoy.service.discovery.v3;
const identity = 'spiffe://cluster.local/ns/shop/sa/web';
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
const listen = (server: Server, port: number, credentials: ServerCredentials): Promise<number> =>
  new Promise((resolve, reject) =>
    server.bindAsync(`127.0.0.1:${port}`, credentials, (error, bound) => (error ? reject(error) : resolve(bound))),
  );

const caKey = generateKey();
const validity = { notBefore: Date.now() - 60_000, notAfter: Date.now() + 3_600_000 };
const root = buildRoot(caKey, { organization: 'test', validity, serial: randomBytes(16) });
const issuer = { key: caKey, certificate: new X509Certificate(root) };
const serverKey = generateKey();
const serverCert = buildCertificate(
  {
    publicKey: new X509Certificate(buildRoot(serverKey, { organization: 'x', validity, serial: randomBytes(16) }))
      .publicKey,
    dns: ['localhost'],
    validity,
    serial: randomBytes(16),
  },
  issuer,
);
const serverTls = (clients: boolean): ServerCredentials =>
  ServerCredentials.createSsl(
    Buffer.from(root),
    [{ private_key: Buffer.from(keyToPem(serverKey)), cert_chain: Buffer.from(serverCert) }],
    clients,
  );

/** Citadel's service over TLS: signs for every caller that has the token. */
async function startCa(): Promise<number> {
  const { IstioCertificateRequest, IstioCertificateResponse } = istio.v1.auth;
  const server = new Server();
  server.addService(
    {
      CreateCertificate: {
        path: '/istio.v1.auth.IstioCertificateService/CreateCertificate',
        requestStream: false,
        responseStream: false,
        requestSerialize: (bytes: Buffer) => bytes,
        requestDeserialize: (bytes: Buffer) => IstioCertificateRequest.decode(bytes),
        responseSerialize: (item: istio.v1.auth.IIstioCertificateResponse) =>
          Buffer.from(IstioCertificateResponse.encode(item).finish()),
        responseDeserialize: (bytes: Buffer) => bytes,
      },
    },
    {
      CreateCertificate(
        call: ServerUnaryCall<istio.v1.auth.IstioCertificateRequest, istio.v1.auth.IIstioCertificateResponse>,
        done: sendUnaryData<istio.v1.auth.IIstioCertificateResponse>,
      ) {
        const csr = parseCsr(call.request.csr);
        if (call.metadata.get('authorization')[0] !== 'Bearer the-token' || !csr.ok)
          return done({ code: 16, details: 'no' });
        done(null, {
          certChain: [
            buildCertificate(
              { publicKey: csr.value.publicKey, uris: [identity], validity, serial: randomBytes(16) },
              issuer,
            ),
            root,
          ],
        });
      },
    },
  );
  closers.push(() => server.forceShutdown());
  return listen(server, 0, serverTls(false));
}

/** Pilot over mTLS: empty CDS and LDS, and one name. Each stream is told with its client's names. */
async function startPilot(port = 0) {
  const server = new Server();
  const streams = new AsyncQueue<string>();
  const nonces = new AsyncQueue<string>();
  const serve = (call: ServerDuplexStream<Buffer, Buffer>): void => {
    const certificate = call.getAuthContext().sslPeerCertificate;
    streams.push(certificate?.subjectaltname ?? '');
    call.on('error', () => {});
    call.on('data', (bytes: Buffer) => {
      const { typeUrl, responseNonce, errorDetail } = DiscoveryRequest.decode(bytes);
      nonces.push(
        errorDetail
          ? `NACK ${errorDetail.message ?? ''}`
          : `${typeUrl.split('.').at(-1) ?? ''}${responseNonce ? ' ACK' : ''}`,
      );
      if (responseNonce) return;
      const table = names.networking.nds.v1.NameTable.encode({
        table: {
          'web.shop.svc.cluster.local': {
            ips: ['10.96.0.9'],
            registry: 'Kubernetes',
            shortname: 'web',
            namespace: 'shop',
          },
        },
      }).finish();
      const resources = typeUrl === nameTableType ? [{ type_url: typeUrl, value: table }] : [];
      call.write(Buffer.from(DiscoveryResponse.encode({ typeUrl, versionInfo: '1', nonce: 'n', resources }).finish()));
    });
  };
  server.addService({ StreamAggregatedResources: discoveryMethods.sotw }, {
    StreamAggregatedResources: serve,
  } as unknown as Record<string, handleBidiStreamingCall<unknown, unknown>>);
  closers.push(() => server.forceShutdown());
  const bound = await listen(server, port, serverTls(true));
  const seen = async (wanted: string): Promise<void> => {
    for await (const item of nonces) {
      if (item.startsWith('NACK')) throw new Error(item);
      if (item === wanted) return;
    }
  };
  return { port: bound, streams, seen, kill: () => server.forceShutdown() };
}

/** A pod's files, and the agent with Istio's environment on ports of its own. */
async function startAgent(ports: { ca: number; pilot: number }) {
  const folder = mkdtempSync(`${tmpdir()}/pod-`);
  const write = (path: string, text: string): void => {
    mkdirSync(`${folder}/${path}`.replace(/\/[^/]+$/, ''), { recursive: true });
    writeFileSync(`${folder}/${path}`, text);
  };
  write('var/run/secrets/tokens/istio-token', 'the-token');
  write('var/run/secrets/istio/root-cert.pem', root);
  write('etc/istio/pod/labels', 'app="web"\npod-template-hash="1"\n');
  write('etc/istio/pod/annotations', 'note="two\\nlines"\n');
  const [admin, status, envoyStatus, stats, dns] = (await freePorts(5)) as [number, number, number, number, number];
  const agent = spawn(
    process.execPath,
    [
      main,
      'proxy',
      'sidecar',
      '--domain',
      'shop.svc.cluster.local',
      '--proxyLogLevel=warning',
      '--proxyComponentLogLevel=misc:error',
      '--log_output_level=default:info',
    ],
    {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        PILOT_AGENT_ROOT: folder,
        ENVOY_BIN: envoyBinary,
        JWT_POLICY: 'third-party-jwt',
        PILOT_CERT_PROVIDER: 'istiod',
        CA_ADDR: `localhost:${ports.ca}`,
        POD_NAME: 'web-1',
        POD_NAMESPACE: 'shop',
        INSTANCE_IP: '127.0.0.1',
        SERVICE_ACCOUNT: 'web',
        ISTIO_META_CLUSTER_ID: 'Kubernetes',
        ISTIO_META_DNS_CAPTURE: 'true',
        DNS_PROXY_ADDR: `localhost:${dns}`,
        ENVOY_STATUS_PORT: String(envoyStatus),
        ENVOY_PROMETHEUS_PORT: String(stats),
        PROXY_CONFIG: JSON.stringify({
          discoveryAddress: `localhost:${ports.pilot}`,
          proxyAdminPort: admin,
          statusPort: status,
          terminationDrainDuration: '0.1s',
          concurrency: 1,
        }),
      },
    },
  );
  let output = '';
  for (const stream of [agent.stdout, agent.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const exited = once(agent, 'exit') as Promise<[number | null]>;
  closers.push(async () => {
    agent.kill('SIGKILL');
    await exited;
  });
  const get = (port: number, path: string, method = 'GET') =>
    request({ host: '127.0.0.1', port, path, method, timeoutMs: 5000, maxBytes: 16 << 20 });
  return { agent, folder, exited, get, admin, status, envoyStatus, dns, output: () => output };
}

const untilReady = async (ask: () => Promise<{ status: number }>): Promise<void> => {
  while ((await ask().catch(() => ({ status: 0 }))).status !== 200)
    await new Promise((resolve) => setTimeout(resolve, 20));
};
async function resolve(port: number, name: string): Promise<unknown[]> {
  const socket = createSocket('udp4');
  socket.send(packet.encode({ type: 'query', id: 1, questions: [{ name, type: 'A' }] }), port, '127.0.0.1');
  const [answer] = (await once(socket, 'message')) as [Buffer];
  socket.close();
  return packet.decode(answer).answers?.map((item) => (item as { data: unknown }).data) ?? [];
}

describe.skipIf(!existsSync(envoyBinary))('pilot-agent with a stock Envoy', () => {
  it('becomes ready, resolves names, outlives pilot and drains when told to stop', async () => {
    const ca = await startCa();
    const pilot = await startPilot();
    const { agent, folder, exited, get, admin, status, envoyStatus, dns, output } = await startAgent({
      ca,
      pilot: pilot.port,
    });
    expect((await pilot.streams.next()).value).toContain(identity);
    await pilot.seen('Listener ACK').catch((error: unknown) => {
      throw new Error(`${String(error)}\n${output()}`);
    });
    await untilReady(() => get(envoyStatus, '/healthz/ready'));
    expect(await resolve(dns, 'web')).toEqual(['10.96.0.9']);
    const node = (
      JSON.parse(readFileSync(`${folder}/etc/istio/proxy/envoy-rev.json`, 'utf8')) as {
        node: { id: string; cluster: string; metadata: { ANNOTATIONS: unknown; LABELS: unknown } };
      }
    ).node;
    expect(node).toMatchObject({
      cluster: 'web.shop',
      metadata: { ANNOTATIONS: { note: 'two\nlines' }, LABELS: { app: 'web' } },
    });
    expect((await get(status, '/stats/prometheus')).body.toString()).toMatch(
      /istio_agent_xds_proxy_connections 1[\s\S]*envoy_/,
    );

    pilot.kill();
    expect((await get(status, '/healthz/ready')).status).toBe(200);
    const next = await startPilot(pilot.port);
    await next.seen('Listener ACK');
    expect(await resolve(dns, 'web.shop')).toEqual(['10.96.0.9']);

    const rss = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${agent.pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
    expect(rss).toBeLessThan(200);
    agent.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
    await expect(get(admin, '/')).rejects.toThrow();
  }, 60_000);

  it('ends with Envoy', async () => {
    const { exited, get, admin, envoyStatus } = await startAgent({
      ca: await startCa(),
      pilot: (await startPilot()).port,
    });
    await untilReady(() => get(envoyStatus, '/healthz/ready'));
    await get(admin, '/quitquitquit', 'POST');
    expect(await exited).toEqual([0, null]);
  }, 60_000);
});
