import { expect, type Attack } from '../../attack.ts';
import { closedWithin, many, tcp } from '../../clients/sockets.ts';
import type { Port } from '../../mesh/places.ts';

const idle = (port: Port, service: Attack['service'], form?: Attack['form']): Attack => ({
  service, kind: 'connections', name: `300 idle on ${port}`, ...(form ? { form } : {}),
  describe: `300 connections to ${port} that say nothing: others are served, and each is closed within 10 s`,
  run: async (mesh) => {
    const sockets = await many(300, () => tcp(mesh.place(port)));
    mesh.onClose(() => sockets.forEach((socket) => socket.destroy()));
    const closed = await Promise.all(sockets.map((socket) => closedWithin(socket, 10_000)));
    const open = closed.filter((isClosed) => !isClosed).length;
    expect('no connection to be open after 10 s', `${open} open`, open === 0);
  },
});

/** Connections that cost a peer nothing. */
export const connections: readonly Attack[] = [
  // ddf8edd: nobody reached the webhook for 30 to 45 s.
  idle('webhook', 'sidecar-injector', 'quick'), idle('ca', 'citadel', 'short'), idle('secure-xds', 'pilot', 'short'), idle('xds', 'pilot'),
];
