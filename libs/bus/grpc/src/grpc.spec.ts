import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { credentials, Server, ServerCredentials } from '@grpc/grpc-js';
import { AsyncQueue } from '@flotilla/std';
import { describeBus, describeBusOfTwo, describeBusVersions } from '@flotilla/testing';
import { createGrpcBusClient, type GrpcBusClient } from './client.ts';
import { createGrpcBusServer, type GrpcBusServer } from './server.ts';

const bind = (server: Server): Promise<number> =>
  new Promise((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
      error ? reject(error) : resolve(port),
    ),
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
