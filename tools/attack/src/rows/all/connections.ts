import { expect, services, type Attack, type Service } from '../../attack.ts';
import { closedWithin, many, tcp, tls, type Place } from '../../clients/sockets.ts';
import type { Mesh } from '../../mesh/attacked-mesh.ts';
import type { Port } from '../../mesh/places.ts';

interface Target {
  readonly name: string;
  readonly service: Service;
  readonly place: (mesh: Mesh) => Place;
  readonly isTls: boolean;
  readonly form?: Attack['form'];
  readonly shapes?: Attack['shapes'];
}
const port = (name: Port, service: Service, form?: Attack['form']): Target => ({
  name,
  service,
  place: (mesh) => mesh.place(name),
  isTls: !['xds', 'nats'].includes(name),
  ...(form ? { form } : {}),
  ...(name === 'nats' ? { shapes: ['fleet'] as const } : {}),
});
/** Every port that listens; in the monolith those of monitoring are one. */
const ports: readonly Target[] = [
  port('webhook', 'sidecar-injector', 'quick'),
  port('ca', 'citadel', 'short'),
  port('secure-xds', 'pilot', 'short'),
  port('xds', 'pilot'),
  port('nats', 'nats'),
];
const monitoring: readonly Target[] = services
  .filter((service) => service !== 'nats')
  .map((service) => ({
    name: `monitoring of ${service}`,
    service,
    place: (mesh) => mesh.monitoring(service),
    isTls: false,
    ...(service === 'pilot' ? { form: 'short' as const } : { shapes: ['fleet'] as const }),
  }));

const rowOf = (
  { service, form, shapes }: Target,
  row: Pick<Attack, 'name' | 'describe' | 'run' | 'deadlineMs'>,
  isFormed = false,
): Attack => ({
  service,
  kind: 'connections',
  ...row,
  ...(form && isFormed ? { form } : {}),
  ...(shapes ? { shapes } : {}),
});
/** Opens connections, does something with each, and expects the peer to close them all. */
async function closed(
  mesh: Mesh,
  open: () => Promise<import('node:net').Socket>,
  { count = 300, limitMs = 10_000 }: { readonly count?: number; readonly limitMs?: number } = {},
): Promise<void> {
  const sockets = await many(count, open);
  mesh.onClose(() => sockets.forEach((socket) => socket.destroy()));
  const left = (await Promise.all(sockets.map((socket) => closedWithin(socket, limitMs)))).filter(
    (isClosed) => !isClosed,
  ).length;
  expect(`no connection to be open after ${limitMs / 1000} s`, `${left} open`, left === 0);
}
const sending = (place: Place, bytes: Buffer | string) => async () => {
  const socket = await tcp(place);
  socket.write(bytes);
  return socket;
};
/** The first half of a TLS 1.2 ClientHello. */
const halfHello = Buffer.from('16030100c8010000c40303', 'hex');

// ddf8edd: nobody reached the webhook for 30 to 45 s.
const idle = (target: Target): Attack =>
  rowOf(
    target,
    {
      name: `300 idle on ${target.name}`,
      describe: '300 idle connections: other clients are served, and each is closed within 10 s',
      run: (mesh) => closed(mesh, () => tcp(target.place(mesh))),
    },
    true,
  );
const half = (target: Target): Attack =>
  rowOf(target, {
    name: `300 half-sent on ${target.name}`,
    describe: '300 connections that stop in the middle of their first message: each is closed within 10 s',
    run: (mesh) =>
      closed(
        mesh,
        sending(target.place(mesh), target.isTls ? halfHello : 'GET /healthz/live HTTP/1.1\r\nhost: a\r\nx-half'),
      ),
  });
const crowd = (target: Target): Attack =>
  rowOf(target, {
    name: `2,000 at once on ${target.name}`,
    describe: '2,000 connections opened as fast as possible and kept: a well-behaved client still gets through',
    deadlineMs: 40_000,
    run: async (mesh) => {
      const sockets = await many(2000, () => tcp(target.place(mesh)), 200);
      mesh.onClose(() => sockets.forEach((socket) => socket.destroy()));
      await new Promise((resolve) => setTimeout(resolve, 2000));
    },
  });
const aborts = (target: Target): Attack =>
  rowOf(target, {
    name: `2,000 aborted on ${target.name}`,
    describe: '2,000 connections that are reset at once: other clients are served',
    run: async (mesh) => {
      await many(2000, async () => {
        const socket = await tcp(target.place(mesh));
        if (target.isTls) socket.write(halfHello);
        socket.resetAndDestroy();
        return socket;
      });
    },
  });
const oldTls = (target: Target): Attack =>
  rowOf(target, {
    name: `TLS 1.1 on ${target.name}`,
    describe: 'an unsafe version of TLS: no connection',
    run: async (mesh) => {
      const result = await tls(target.place(mesh), { maxVersion: 'TLSv1.1' }).then(
        (socket) => socket.destroy(),
        (error: Error) => error,
      );
      expect('no connection', 'a connection', result instanceof Error);
    },
  });
const plain = (target: Target): Attack =>
  rowOf(target, {
    name: `plain HTTP on ${target.name}`,
    describe: 'HTTP instead of TLS: closed with nothing but an alert',
    run: async (mesh) => {
      const socket = await tcp(target.place(mesh));
      mesh.onClose(() => socket.destroy());
      let text = '';
      socket
        .on('data', (bytes: Buffer) => (text += bytes.toString('latin1')))
        .write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
      expect('the connection to be closed', 'open after 10 s', await closedWithin(socket, 10_000));
      expect('at most an alert', text, !text.includes('HTTP/1.1 200'));
    },
  });

/** Connections that cost a peer nothing. */
export const connections: readonly Attack[] = [
  ...[...ports, ...monitoring].flatMap((target) => [idle(target), half(target)]),
  ...ports.flatMap((target) => [crowd(target), aborts(target)]),
  ...monitoring.slice(0, 1).flatMap((target) => [crowd(target), aborts(target)]),
  ...ports.filter(({ isTls }) => isTls).flatMap((target) => [oldTls(target), plain(target)]),
];
