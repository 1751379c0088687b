import { once } from 'node:events';
import type { Socket } from 'node:net';
import { createManualClock } from '@flotilla/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { serverKinds, type ServerKind } from './servers.fixture.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function start(
  kind: ServerKind,
  limits: { readonly maxConnections?: number; readonly maxHandshakes?: number } = {},
) {
  const clock = createManualClock();
  const hits: string[] = [];
  const server = await kind.start({ clock, limits, onLimit: (limit) => hits.push(limit) });
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closed ??= server.close();
    clock.advance(2000);
    return closed;
  };
  closers.push(close);
  const open = async (said = Buffer.alloc(0)): Promise<Socket> => {
    const socket = server.connect().on('error', () => {});
    closers.push(() => socket.destroy());
    await once(socket, 'connect');
    if (said.length > 0) await new Promise((resolve) => socket.write(said, resolve));
    return socket;
  };
  return { clock, hits, server, open, close };
}
const ended = (socket: Socket): Promise<unknown> =>
  socket.resume().closed ? Promise.resolve() : once(socket, 'close');

describe.each(serverKinds.map((kind) => [kind.name, kind] as const))('%s', (_, kind) => {
  it('serves a good client at once while 300 idle connections fill it', async () => {
    const { server, open, hits } = await start(kind, { maxConnections: 100, maxHandshakes: 50 });
    await Promise.all(Array.from({ length: 300 }, () => open()));
    await server.serve();
    expect(hits.length).toBeGreaterThanOrEqual(200);
  });
  const unfinished = [
    { what: 'says nothing', said: Buffer.alloc(0) },
    ...(kind.half === undefined ? [] : [{ what: 'stops within a request', said: Buffer.from(kind.half) }]),
  ];
  it.each(unfinished)('ends a connection that $what', async ({ said }) => {
    const { clock, server, open, hits } = await start(kind);
    const socket = await open(said);
    await server.serve();
    clock.advance(6000);
    await ended(socket);
    expect(hits).toEqual([kind.isTls ? 'handshake_timeout' : 'header_timeout']);
  });
  it('closes with all its connections', async () => {
    const { open, server, close } = await start(kind);
    const socket = await open();
    await server.serve();
    await close();
    await ended(socket);
    await expect(open()).rejects.toMatchObject({ code: expect.stringMatching(/ECONNREFUSED|ENOENT/) as string });
  });
});
