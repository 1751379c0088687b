import type { ClientHttp2Session } from 'node:http2';
import { setTimeout as delay } from 'node:timers/promises';
import { envoy } from '@flotilla/proto-gen/discovery';
import { struct } from '@flotilla/proto-gen/envoy';
import { expect, type Attack, type Service } from '../../attack.ts';
import { nodeOf, types } from '../../clients/ads.ts';
import { framed, lengthOf, methods as methodPaths, openSession, startCall } from '../../clients/calls.ts';
import { closedWithin, many, tls } from '../../clients/sockets.ts';
import type { Mesh } from '../../mesh/attacked-mesh.ts';
import type { Port } from '../../mesh/places.ts';

const { DiscoveryRequest } = envoy.service.discovery.v3;
const methods: readonly { readonly port: Port; readonly service: Service; readonly path: string }[] = [
  {
    port: 'xds',
    service: 'pilot',
    path: methodPaths.sotw,
  },
  {
    port: 'secure-xds',
    service: 'pilot',
    path: methodPaths.delta,
  },
  { port: 'ca', service: 'citadel', path: methodPaths.certificate },
];
/** A call that has sent the beginning of a message of so many bytes, after other messages. */
function half(
  on: ClientHttp2Session,
  path: string,
  {
    size,
    content,
    after = Buffer.alloc(0),
  }: { readonly size: number; readonly content: Buffer; readonly after?: Buffer },
) {
  const stream = startCall(on, path);
  stream.write(Buffer.concat([after, lengthOf(size)]));
  stream.write(content);
  return stream;
}

/** Opens 20 connections with 100 calls each, which send a large message except its end. */
async function flood(mesh: Mesh, { port, path }: (typeof methods)[number], after?: Buffer): Promise<void> {
  const sessions = await many(20, () => openSession(mesh, port));
  const size = port === 'ca' ? 1_000_000 : 1_500_000;
  const content = Buffer.alloc(size - 1000);
  for (const made of sessions)
    for (let i = 0; i < 100 && !made.destroyed; i++) half(made, path, { size, content, ...(after ? { after } : {}) });
  await delay(8000);
}
const describe =
  '20 connections with 100 calls each, which send a large message except its end: memory stays bounded, other clients are served';
const unfinished = methods.map((method): Attack => ({
  service: method.service,
  kind: 'half requests',
  name: `2 GB of unfinished messages to ${method.port}`,
  deadlineMs: 60_000,
  describe,
  run: (mesh) => flood(mesh, method),
}));
const firstRequest = (): Buffer =>
  framed(
    DiscoveryRequest.encode({
      node: { id: nodeOf('shop'), metadata: struct({ NAMESPACE: 'shop' }) },
      typeUrl: types.cds,
    }).finish(),
  );
const later = methods.slice(0, 1).map((method): Attack => ({
  service: method.service,
  kind: 'half requests',
  name: `2 GB of unfinished messages to ${method.port}, each after a complete one`,
  deadlineMs: 60_000,
  describe,
  run: (mesh) => flood(mesh, method, firstRequest()),
}));
const left = methods.map(({ port, service, path }): Attack => ({
  service,
  kind: 'half requests',
  name: `100 calls to ${port} that stop within a message`,
  form: 'short',
  describe: 'calls that send a few bytes of a message: each is ended within 15 s',
  run: async (mesh) => {
    const made = await openSession(mesh, port);
    const ended = Array.from(
      { length: 100 },
      () =>
        new Promise((resolve) =>
          half(made, path, { size: 100, content: Buffer.alloc(10) })
            .once('close', resolve)
            .once('end', resolve),
        ),
    );
    const inTime = await Promise.race([Promise.all(ended).then(() => true), delay(15_000, false)]);
    expect('all calls to end', 'some open after 15 s', inTime);
  },
}));
const slowBody: Attack = {
  service: 'sidecar-injector',
  kind: 'half requests',
  name: '100 reviews that come byte by byte',
  form: 'short',
  describe: 'one byte of the body every half second: each connection is closed within 12 s, other clients are served',
  deadlineMs: 30_000,
  run: async (mesh) => {
    const sockets = await many(100, () => tls(mesh.place('webhook'), { alpn: ['http/1.1'] }));
    mesh.onClose(() => sockets.forEach((socket) => socket.destroy()));
    for (const socket of sockets)
      socket.write(
        'POST /inject HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n',
      );
    const drip = setInterval(() => sockets.forEach((socket) => !socket.destroyed && socket.write('{')), 500);
    mesh.onClose(() => clearInterval(drip));
    const open = (await Promise.all(sockets.map((socket) => closedWithin(socket, 12_000)))).filter(
      (isClosed) => !isClosed,
    ).length;
    expect('no connection to be open after 12 s', `${open} open`, open === 0);
  },
};

/** Requests that never end. */
export const halfRequests: readonly Attack[] = [...unfinished, ...later, ...left, slowBody];
