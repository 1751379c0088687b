import { expect, it } from 'vitest';
import { credentials, Server, ServerCredentials } from '@grpc/grpc-js';
import type { Batch } from '@flotilla/bus-port';
import { keyOf, type Collection } from '@flotilla/model';
import { describeBus, testResource } from '@flotilla/testing';
import { createGrpcBusClient } from './client.ts';
import { createGrpcBusServer, type GrpcBusServer } from './server.ts';

const bind = (server: Server, port: number): Promise<number> =>
  new Promise((resolve, reject) => server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, bound) => (error ? reject(error) : resolve(bound))));

async function listen(bus: GrpcBusServer, port = 0): Promise<{ port: number; stop(): void }> {
  const server = new Server();
  bus.addTo(server);
  return { port: await bind(server, port), stop: () => server.forceShutdown() };
}

describeBus('gRPC', async () => {
  const server = createGrpcBusServer();
  let listening = await listen(server);
  const client = createGrpcBusClient({ address: `127.0.0.1:${listening.port}`, credentials: credentials.createInsecure });
  return {
    publish: server.publish,
    subscribe: client.subscribe,
    kill: () => Promise.resolve(listening.stop()),
    start: async () => void (listening = await listen(server, listening.port)),
    close: async () => {
      await client.close();
      listening.stop();
    },
  };
}, { restartable: true });

it('keeps what it has when galley begins anew, and drops what the new session is complete without', async () => {
  const wanted: Collection[] = ['service-entries'];
  const first = createGrpcBusServer();
  let listening = await listen(first);
  const client = createGrpcBusClient({ address: `127.0.0.1:${listening.port}`, credentials: credentials.createInsecure });
  const stop = new AbortController();
  const reader = client.subscribe(wanted, stop.signal)[Symbol.asyncIterator]();
  await first.publish({ session: 's1', seq: 1, put: ['a', 'b'].map((name) => ({ resource: testResource(name, name) })), delete: [], complete: wanted });
  expect((await reader.next()).value?.put.length).toBe(2);
  listening.stop();
  const second = createGrpcBusServer();
  listening = await listen(second, listening.port);
  await second.publish({ session: 's2', seq: 1, put: ['a', 'c'].map((name) => ({ resource: testResource(name, name) })), delete: [], complete: [] });
  const early = (await reader.next()).value as Batch;
  expect([early.put.map(({ resource }) => keyOf(resource.meta)), early.delete]).toEqual([['shop/c'], []]);
  await second.publish({ session: 's2', seq: 2, put: [], delete: [], complete: wanted });
  const late = (await reader.next()).value as Batch;
  expect([late.put, late.delete, late.complete]).toEqual([[], [{ collection: 'service-entries', key: 'shop/b' }], wanted]);
  stop.abort();
  await client.close();
  listening.stop();
});
