import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { credentials, Server, ServerCredentials } from '@grpc/grpc-js';
import { AsyncQueue } from '@flotilla/std';
import { createTestCa, describeBus, describeBusOfTwo, describeBusVersions, describeReports } from '@flotilla/testing';
import { expect, it } from 'vitest';
import { createGrpcBusClient, type GrpcBusClient } from './client.ts';
import { createGrpcBusServer, type GrpcBusServer } from './server.ts';

const bind = (server: Server, security = ServerCredentials.createInsecure()): Promise<number> =>
  new Promise((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', security, (error, port) => (error ? reject(error) : resolve(port))),
  );

async function listen(bus: GrpcBusServer): Promise<{ port: number; stop(): void }> {
  const server = new Server();
  bus.addTo(server);
  return { port: await bind(server), stop: () => server.forceShutdown() };
}

/** One address for galleys that come and go, as a Service has: a connection goes to the one that it leads to now. */
async function openService(): Promise<{ readonly address: string; lead(port: number): void; close(): void }> {
  let target = 0;
  const connections = new Set<Socket>();
  const server = createServer((incoming) => {
    const outgoing = connect(target, '127.0.0.1');
    for (const [from, to] of [
      [incoming, outgoing],
      [outgoing, incoming],
    ] as const) {
      from.pipe(to).on('error', () => from.destroy());
      from.on('error', () => to.destroy()).on('close', () => connections.delete(from));
      connections.add(from);
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const breakAll = (): void => connections.forEach((connection) => connection.destroy());
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    lead: (port) => {
      target = port;
      breakAll();
    },
    close: () => {
      server.close();
      breakAll();
    },
  };
}

const clientOf = (address: string): GrpcBusClient =>
  createGrpcBusClient({ address, credentials: credentials.createInsecure });

describeBus(
  'gRPC',
  async () => {
    const server = createGrpcBusServer();
    let listening = await listen(server);
    const service = await openService();
    service.lead(listening.port);
    const client = clientOf(service.address);
    return {
      publish: server.publish,
      subscribe: client.subscribe,
      kill: () => Promise.resolve(listening.stop()),
      start: async () => {
        listening = await listen(server);
        service.lead(listening.port);
      },
      close: async () => {
        await client.close();
        service.close();
        listening.stop();
      },
    };
  },
  { restartable: true },
);

describeBusOfTwo('gRPC', async () => {
  const galleys = [createGrpcBusServer(), createGrpcBusServer()] as const;
  const listening = await Promise.all(galleys.map(listen));
  const service = await openService();
  service.lead(listening[0]?.port ?? 0);
  const client = clientOf(service.address);
  return {
    publishers: galleys,
    subscribe: client.subscribe,
    lead: (index) => Promise.resolve(service.lead(listening[index]?.port ?? 0)),
    close: async () => {
      await client.close();
      service.close();
      for (const { stop } of listening) stop();
    },
  };
});

const ca = createTestCa();
const identityOf = (service: string): string => `spiffe://cluster.local/ns/istio-system/sa/${service}`;

/** Galley over mTLS, and clients of it by their services. */
async function openSecurely() {
  const galley = createGrpcBusServer({
    allow: ['pilot', 'sidecar-injector'].map(identityOf),
    allowReports: [identityOf('pilot')],
  });
  const server = new Server();
  galley.addTo(server);
  const { key, cert } = ca.issue({ dns: ['localhost'] });
  const roots = Buffer.from(ca.roots);
  const pair = { private_key: Buffer.from(key), cert_chain: Buffer.from(cert) };
  const port = await bind(server, ServerCredentials.createSsl(roots, [pair], true));
  const clients: GrpcBusClient[] = [];
  const stop = new AbortController();
  return {
    galley,
    /** A client that follows galley: what it reports travels on that connection. */
    follow: async (service: string): Promise<GrpcBusClient> => {
      const own = ca.issue({ uris: [identityOf(service)] });
      const client = createGrpcBusClient({
        address: `localhost:${port}`,
        credentials: () => credentials.createSsl(roots, Buffer.from(own.key), Buffer.from(own.cert)),
      });
      clients.push(client);
      const reader = client.subscribe(['service-entries'], stop.signal)[Symbol.asyncIterator]();
      await reader.next();
      return client;
    },
    close: async () => {
      stop.abort();
      await Promise.all(clients.map((client) => client.close()));
      server.forceShutdown();
    },
  };
}

describeReports('gRPC', async () => {
  const { galley, follow, close } = await openSecurely();
  await galley.publish({ session: 's1', seq: 1, put: [], delete: [], complete: ['service-entries'] });
  const pilot = await follow('pilot');
  return { reporter: identityOf('pilot'), report: pilot.report, onReport: galley.onReport, close };
});

it('only pilot may report, whoever may subscribe', async () => {
  const { galley, follow, close } = await openSecurely();
  let taken = 0;
  galley.onReport(() => {
    taken += 1;
    return undefined;
  });
  await galley.publish({ session: 's1', seq: 1, put: [], delete: [], complete: ['service-entries'] });
  const injector = await follow('sidecar-injector');
  await expect(injector.report(new Uint8Array(), new AbortController().signal)).rejects.toThrow(
    'this identity may not report',
  );
  expect(taken).toBe(0);
  await close();
});

describeBusVersions('gRPC', async () => {
  const service = await openService();
  const problems = new AsyncQueue<string>();
  const client = createGrpcBusClient({
    address: service.address,
    credentials: credentials.createInsecure,
    onProblem: (message) => {
      if (message.includes('format')) problems.push(message);
    },
  });
  let stop = (): void => {};
  return {
    next: async () => {
      const galley = createGrpcBusServer();
      const listening = await listen(galley);
      stop();
      stop = listening.stop;
      return {
        publish: async (batch) => {
          await galley.publish(batch);
          service.lead(listening.port);
        },
      };
    },
    problem: async () => (await problems.next()).value as string,
    subscribe: client.subscribe,
    close: async () => {
      await client.close();
      service.close();
      stop();
    },
  };
});
