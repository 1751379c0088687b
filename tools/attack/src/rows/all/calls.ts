import { setTimeout as pause } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import type { Attack, Service } from '../../attack.ts';
import { framed, lengthOf, methods, openSession, startCall } from '../../clients/calls.ts';
import type { Port } from '../../mesh/places.ts';

const targets: readonly { readonly port: Port; readonly service: Service; readonly path: string }[] = [
  { port: 'xds', service: 'pilot', path: methods.sotw },
  { port: 'secure-xds', service: 'pilot', path: methods.delta },
  { port: 'ca', service: 'citadel', path: methods.certificate },
];
const unknown = [
  '/grpc.health.v1.Health/Check',
  '/grpc.health.v1.Health/Watch',
  '/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo',
  '/grpc.channelz.v1.Channelz/GetTopChannels',
  '/envoy.service.status.v3.ClientStatusDiscoveryService/StreamClientStatus',
  '/__proto__/constructor',
  '//',
  '/',
  '/../../etc/passwd',
  `/${'a'.repeat(4000)}/b`,
];
type Target = (typeof targets)[number];
const row = (
  { port, service }: Target,
  name: string,
  more: Pick<Attack, 'describe' | 'run'> & Partial<Attack>,
): Attack => ({
  service,
  kind: 'calls',
  name: `${name} ${port}`,
  deadlineMs: 45_000,
  ...more,
});

/** Calls that keep to HTTP/2 and not to what is behind it. */
export const calls: readonly Attack[] = targets.flatMap((target) => [
  row(target, '10,000 calls of unknown methods on', {
    describe: 'unknown methods, and other HTTP methods: refused, other clients are served',
    run: async (mesh) => {
      const session = await openSession(mesh, target.port);
      for (let i = 0; i < 10_000 && !session.destroyed; i += 1) {
        const call = startCall(session, unknown[i % unknown.length] ?? '/', {
          ':method': i % 7 === 0 ? 'GET' : 'POST',
          'content-type': i % 5 === 0 ? 'text/plain' : 'application/grpc',
        });
        call.end(framed(Buffer.alloc(10)));
        if (i % 100 === 0) await pause(1);
      }
      await pause(1000);
    },
  }),
  row(target, '500 messages that decompress to 1,000 times their size on', {
    describe: 'gzip-compressed zeros, up to the largest message that is allowed: memory stays bounded',
    run: async (mesh) => {
      const bomb = framed(gzipSync(Buffer.alloc(target.port === 'ca' ? 1_000_000 : 15_000_000)), true);
      for (let begun = 0; begun < 500; begun += 50) {
        const session = await openSession(mesh, target.port);
        for (let i = 0; i < 50 && !session.destroyed; i += 1)
          startCall(session, target.path, { 'grpc-encoding': 'gzip' }).end(bomb);
      }
      await pause(8000);
    },
  }),
  row(target, 'messages in one-byte frames on', {
    describe: 'large messages with one byte per frame: memory stays bounded',
    run: async (mesh) => {
      const session = await openSession(mesh, target.port);
      const streams = Array.from({ length: 50 }, () => startCall(session, target.path));
      for (const stream of streams) stream.write(lengthOf(900_000));
      const until = Date.now() + 8000;
      while (Date.now() < until && !session.destroyed) {
        for (const stream of streams) for (let i = 0; i < 20 && !stream.destroyed; i += 1) stream.write('x');
        await pause(0);
      }
    },
  }),
  row(target, '3,000 calls with 15 kB of metadata on', {
    describe: 'the largest headers that are allowed, different in each call: memory stays bounded',
    run: async (mesh) => {
      for (let begun = 0; begun < 3000; begun += 100) {
        const session = await openSession(mesh, target.port);
        for (let i = 0; i < 100 && !session.destroyed; i += 1)
          startCall(
            session,
            target.path,
            Object.fromEntries(Array.from({ length: 60 }, (_, j) => [`x-${begun + i}-${j}`, 'v'.repeat(200)])),
          );
        await pause(10);
      }
      await pause(2000);
    },
  }),
]);
