import { mkdtempSync } from 'node:fs';
import { request as requestPlainly } from 'node:http';
import { request as requestSecurely } from 'node:https';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { Client, credentials, status, type ServiceError } from '@grpc/grpc-js';
import { createDnsServer } from '@flotilla/agent-dns';
import { createStatusServer } from '@flotilla/agent-health';
import { createRelay } from '@flotilla/agent-relay';
import { createSdsServer } from '@flotilla/agent-sds';
import { createGrpcBusServer } from '@flotilla/bus-grpc';
import { listen, serverNamed } from '@flotilla/grpc';
import { createWebhook } from '@flotilla/injector-server';
import { noObservability } from '@flotilla/observability-port';
import { createCertificateSource } from '@flotilla/pki';
import { serveMonitoring } from '@flotilla/runtime';
import type { GuardOptions, ServerTls } from '@flotilla/server';
import { systemClock } from '@flotilla/std';
import { createTestCa } from '@flotilla/testing';

export const ca = createTestCa();
export const workload = ca.issue({ uris: ['spiffe://cluster.local/ns/shop/sa/web'] });
const certificate = createCertificateSource(ca.issue({ dns: ['localhost'] }));
const tls: ServerTls = { source: certificate, clients: 'optional' };
const { log, metrics } = noObservability;
const loopback = { host: '127.0.0.1', port: 0 };

/** A server that runs: how to reach it, and a call of a good client that it has to answer. */
export interface Running {
  connect(): Socket;
  serve(): Promise<unknown>;
  close(): Promise<void>;
}
export interface ServerKind {
  readonly name: string;
  readonly isTls?: true;
  /**
   * What a client sends of a request that it never completes; without it nothing but silence is possible before the
   * handshake.
   */
  readonly half?: string;
  start(guard: GuardOptions): Promise<Running>;
}

const http =
  (port: number, secure = false) =>
  (): Promise<void> =>
    new Promise((resolve, reject) => {
      const sent = (secure ? requestSecurely : requestPlainly)(
        { ...loopback, port, agent: false, ...(secure ? { ca: ca.roots, servername: 'localhost' } : {}) },
        (response) => response.resume().on('end', resolve),
      );
      sent.on('error', reject).end();
    });
/** A call of an unknown method, which a server answers with UNIMPLEMENTED. */
const grpc = (address: string, isSecure: boolean) => (): Promise<void> =>
  new Promise((resolve, reject) => {
    const channel = isSecure
      ? credentials.createSsl(Buffer.from(ca.roots), Buffer.from(workload.key), Buffer.from(workload.cert))
      : credentials.createInsecure();
    const client = new Client(address, channel, { ...serverNamed('localhost'), 'grpc.use_local_subchannel_pool': 1 });
    client.makeUnaryRequest(
      '/test/Unknown',
      (bytes: Buffer) => bytes,
      (bytes: Buffer) => bytes,
      Buffer.alloc(0),
      (error: ServiceError | null) => {
        client.close();
        if (error?.code === status.UNIMPLEMENTED) resolve();
        else reject(error ?? new Error('it was answered'));
      },
    );
  });
const dns = (port: number) => (): Promise<void> =>
  new Promise((resolve, reject) => {
    // With its length before it (RFC 1035, 4.2.2): one question, for the address of `web`.
    const query = Buffer.concat([
      Buffer.from([0, 21, 0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 3]),
      Buffer.from('web'),
      Buffer.from([0, 0, 1, 0, 1]),
    ]);
    const socket = connect(port, loopback.host, () => socket.write(query)).on('error', reject);
    socket.once('data', () => {
      socket.destroy();
      resolve();
    });
  });
const overTcp = (port: number) => (): Socket => connect(port, loopback.host);
const socketPath = (): string => `${mkdtempSync(`${tmpdir()}/servers-`)}/socket`;
const halfPreface = 'PRI * HTTP/2.0\r\n';

const bus = (name: string, options: { readonly tls?: ServerTls }): ServerKind => ({
  name,
  ...(options.tls ? { isTls: true } : { half: halfPreface }),
  async start(guard) {
    const { port, close } = await listen([createGrpcBusServer()], { ...guard, ...options, at: loopback });
    return { connect: overTcp(port), serve: grpc(`127.0.0.1:${port}`, Boolean(options.tls)), close };
  },
});

/** Every kind of server that the project has. */
export const serverKinds: readonly ServerKind[] = [
  {
    name: 'monitoring',
    half: 'GET /metrics HTTP/1.1\r\nHost',
    async start(guard) {
      const { port, close } = await serveMonitoring({
        ...guard,
        name: 'pilot',
        address: loopback.host,
        port: 0,
        notReady: () => [],
        pages: () => ({}),
        metrics: () => Promise.resolve({ text: '', contentType: 'text/plain' }),
      });
      return { connect: overTcp(port), serve: http(port), close };
    },
  },
  {
    name: 'webhook',
    isTls: true,
    async start(guard) {
      const webhook = createWebhook({ decide: () => ({ ok: true, value: {} }), observability: noObservability });
      const { port, close } = await webhook.listen({ ...guard, at: loopback, tls });
      return { connect: overTcp(port), serve: http(port, true), close };
    },
  },
  bus('gRPC', {}),
  bus('gRPC over TLS', { tls }),
  bus('gRPC over mTLS', { tls: { ...tls, clients: 'required' } }),
  {
    name: 'status port of the agent',
    half: 'GET /healthz/ready HTTP/1.1\r\nHost',
    async start(guard) {
      const { port, close } = await createStatusServer({
        port: 0,
        address: loopback.host,
        unready: () => Promise.resolve(undefined),
        podIp: loopback.host,
        envoyStatsPort: 1,
        appProbes: new Map(),
        agentMetrics: () => Promise.resolve(''),
        onQuit: () => {},
        guard,
        log,
      });
      return { connect: overTcp(port), serve: http(port), close };
    },
  },
  {
    name: 'DNS over TCP',
    half: '\0d\x01',
    async start(guard) {
      const { port, close } = await createDnsServer({
        address: loopback.host,
        port: 0,
        names: { namespace: 'shop', domain: 'shop.svc.cluster.local', search: [] },
        upstreams: [],
        guard,
        log,
        metrics,
      });
      return { connect: overTcp(port), serve: dns(port), close };
    },
  },
  {
    name: 'SDS socket',
    half: halfPreface,
    async start(guard) {
      const socket = socketPath();
      const { close } = await createSdsServer({ socket, certificate, guard, log });
      return { connect: () => connect(socket), serve: grpc(`unix:${socket}`, false), close };
    },
  },
  {
    name: 'xDS socket',
    half: halfPreface,
    async start(guard) {
      const socket = socketPath();
      const { close } = await createRelay({
        socket,
        upstream: () => Promise.reject(new Error('away')),
        clock: systemClock,
        guard,
        log,
        metrics,
      });
      return { connect: () => connect(socket), serve: grpc(`unix:${socket}`, false), close };
    },
  },
];
