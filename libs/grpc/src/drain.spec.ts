import { EventEmitter, once } from 'node:events';
import type { ServerHttp2Session } from 'node:http2';
import { Client, credentials, status, type ServerDuplexStream, type ServiceError } from '@grpc/grpc-js';
import { createDrains, type Drains } from '@flotilla/server';
import { createManualClock } from '@flotilla/testing';
import { afterEach, expect, it } from 'vitest';
import { drain } from './drain.ts';
import { listen, type GrpcService } from './listen.ts';

const bytes = (value: Buffer): Buffer => value;
const codec = {
  requestSerialize: bytes,
  requestDeserialize: bytes,
  responseSerialize: bytes,
  responseDeserialize: bytes,
};
const Echo = { path: '/test.Test/Echo', requestStream: true, responseStream: true, ...codec } as const;
type Stream = ServerDuplexStream<Buffer, Buffer>;
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** A server that echoes, and clients that each have a stream of their own. */
async function rig(drains: Drains) {
  const clock = createManualClock();
  const echo = (call: Stream): unknown =>
    call.on('data', (message: Buffer) => call.write(message)).on('end', () => call.end());
  const service: GrpcService = { addTo: (server) => void server.addService({ Echo }, { Echo: echo }) };
  const listening = await listen([service], { at: { host: '127.0.0.1', port: 0 }, clock, drains });
  closers.push(async () => {
    const closed = listening.close();
    clock.advance(2000);
    await closed;
  });
  const client = (): Client => {
    const options = { 'grpc.use_local_subchannel_pool': 1 };
    const made = new Client(`127.0.0.1:${listening.port}`, credentials.createInsecure(), options);
    closers.push(() => made.close());
    return made;
  };
  /** A stream that is open; `ended` resolves with what ends it, undefined for success. */
  const open = async (by = client()) => {
    const stream = by.makeBidiStreamRequest(Echo.path, bytes, bytes);
    const ended = new Promise<ServiceError | undefined>((resolve) => {
      stream.on('error', resolve).on('end', () => resolve(undefined));
    });
    stream.write(Buffer.from('a'));
    await once(stream, 'data');
    return { stream, ended };
  };
  return { clock, client, open };
}
const settle = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

it('sends clients away one after another, and those that come meanwhile as well', async () => {
  const drains = createDrains();
  const { clock, open } = await rig(drains);
  const away: number[] = [];
  const openNext = async (index: number) => {
    const { ended } = await open();
    void ended.then(() => away.push(index));
    return { ended };
  };
  const first = await openNext(0);
  await openNext(1);
  const drained = drains.run(9000);
  // The first at once, the second after half of the 8 s that are left; a call has 1 s to end by itself.
  clock.advance(1000);
  expect((await first.ended)?.code).toBe(status.UNAVAILABLE);
  clock.advance(2000);
  await openNext(2);
  expect(away).toEqual([0]);
  while (away.length < 3) {
    clock.advance(500);
    await settle();
  }
  await drained;
});

it('lets a call that ends within its second end by itself, and its client open another connection', async () => {
  const drains = createDrains();
  const { open, client } = await rig(drains);
  const known = client();
  const { stream, ended } = await open(known);
  const drained = drains.run(9000);
  stream.end();
  expect(await ended).toBeUndefined();
  await drained;
  const { stream: next, ended: nextEnded } = await open(known);
  next.end();
  expect(await nextEnded).toBeUndefined();
});

it('ends in time, although clients open two connections for each that is closed', async () => {
  const clock = createManualClock();
  const sessions = new Set<ServerHttp2Session>();
  const add = (): void => {
    const session = Object.assign(new EventEmitter(), {
      close(): void {
        sessions.delete(session);
        for (let i = 0; i < 2; i += 1) add();
        queueMicrotask(() => session.emit('close'));
      },
    }) as unknown as ServerHttp2Session;
    sessions.add(session);
  };
  for (let i = 0; i < 2; i += 1) add();
  let isDrained = false;
  void drain(sessions, { ms: 3000, clock }).then(() => (isDrained = true));
  for (let i = 0; i < 8; i += 1) {
    clock.advance(500);
    await settle();
  }
  expect(isDrained).toBe(true);
});
