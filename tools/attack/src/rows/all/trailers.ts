import { services, type Attack, type Service } from '../../attack.ts';
import { closedWithin, many, tcp } from '../../clients/sockets.ts';
import { expect } from '../../attack.ts';

const repeated = (count: number, text: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => text(i)).join('');
const chunked = 'POST /metrics HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n';

/** A row in which 50 connections send the same bytes, and each must be closed in time, answered or not. */
const kinds: readonly { readonly name: string; readonly describe: string; readonly text: () => string }[] = [
  {
    name: '20,000 trailers',
    describe: 'a chunked body with 20,000 trailers',
    text: () => `${chunked}1\r\na\r\n0\r\n${repeated(20_000, (i) => `x-${i}: y\r\n`)}\r\n`,
  },
  {
    name: 'endless trailers',
    describe: 'a chunked body whose trailers never end',
    text: () => `${chunked}0\r\n${repeated(500, (i) => `x-${i}: ${'y'.repeat(500)}\r\n`)}`,
  },
  {
    name: 'a 1 MB trailer',
    describe: 'a chunked body with one trailer of 1 MB',
    text: () => `${chunked}0\r\nx: ${'y'.repeat(1_000_000)}\r\n\r\n`,
  },
  {
    name: 'message headers as trailers',
    describe: 'content-length, host and transfer-encoding as trailers',
    text: () =>
      `${chunked}0\r\ncontent-length: 5\r\nhost: b\r\ntransfer-encoding: chunked\r\n\r\nGET / HTTP/1.1\r\n\r\n`,
  },
  {
    name: '1 MB chunk extensions',
    describe: 'one chunk with an extension of 1 MB (CVE-2024-22019)',
    text: () => `${chunked}1;${'a=b;'.repeat(250_000)}\r\na\r\n0\r\n\r\n`,
  },
  {
    name: '30,000 one-byte chunks',
    describe: 'a body in the smallest chunks',
    text: () => `${chunked}${'1\r\na\r\n'.repeat(30_000)}0\r\n\r\n`,
  },
  {
    name: '1,000,000 one-byte chunks',
    describe: 'far more than are read at once',
    text: () => `${chunked}${'1\r\na\r\n'.repeat(1_000_000)}0\r\n\r\n`,
  },
  {
    name: '5,000 pipelined requests',
    describe: 'requests that do not wait for an answer',
    text: () => 'GET /odd HTTP/1.1\r\nhost: a\r\n\r\n'.repeat(5000),
  },
  {
    name: 'a chunk of 2^64 bytes',
    describe: 'a length that does not fit into 64 bits',
    text: () => `${chunked}ffffffffffffffff\r\n${'a'.repeat(10_000)}`,
  },
  {
    name: 'Content-Length and chunks',
    describe: 'Content-Length and Transfer-Encoding in one request',
    text: () =>
      'POST /metrics HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /quitquitquit HTTP/1.1\r\n\r\n',
  },
  {
    name: 'an upgrade to HTTP/2',
    describe: 'Upgrade: h2c, then frames',
    text: () =>
      'GET /metrics HTTP/1.1\r\nhost: a\r\nconnection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n\r\n',
  },
  {
    name: 'Expect without a body',
    describe: 'Expect: 100-continue, and then nothing',
    text: () => 'POST /metrics HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 1000000\r\n\r\n',
  },
];

/** Bodies and trailers of HTTP/1.1 at the monitoring port. In the monolith it is one port. */
export const trailers: readonly Attack[] = services
  .filter((service) => service !== 'nats')
  .flatMap((service: Service) =>
    kinds.map(({ name, describe, text }): Attack => ({
      service,
      kind: 'trailers',
      name: `${name}, at ${service}`,
      describe: `${describe}, on 50 connections: answered or refused, all are closed within 20 s, other clients are served`,
      deadlineMs: 60_000,
      ...(service === 'pilot' ? {} : { shapes: ['fleet'] as const }),
      run: async (mesh) => {
        const bytes = Buffer.from(text());
        const sockets = await many(50, async () => {
          const socket = await tcp(mesh.monitoring(service));
          socket.write(bytes);
          return socket;
        });
        mesh.onClose(() => sockets.forEach((socket) => socket.destroy()));
        for (const socket of sockets)
          socket.on('data', (chunk: Buffer) => mesh.answered(chunk.toString('latin1').slice(0, 1000)));
        await new Promise((resolve) => setTimeout(resolve, 1000));
        // A connection may stay open after a complete request, so half of them request its end.
        for (const socket of sockets) if (socket.writable) socket.end();
        const areClosed = await Promise.all(sockets.map((socket) => closedWithin(socket, 20_000)));
        const left = areClosed.filter((isClosed) => !isClosed).length;
        expect('no connection to be open after 20 s', `${left} of ${sockets.length}`, left === 0);
      },
    })),
  );
