import { createServer, type IncomingMessage } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { peerIn } from './peer.ts';

/** Stands in for a container: answers HTTP with what it saw, and gives other bytes back. Arguments: the container's name, then its ports. */
const [name = 'echo', ...ports] = process.argv.slice(2);
const pod = process.env['HOSTNAME'] ?? '';

const describeRequest = ({ method, url, headers }: IncomingMessage) =>
  ({ container: name, pod, app: process.env['POD_APP'], version: process.env['POD_VERSION'], method, path: url, headers, peer: peerIn(headers) });

const http = createServer((request, response) => {
  request.resume();
  request.once('end', () => response.writeHead(200, { 'content-type': 'application/json' }).end(`${JSON.stringify(describeRequest(request))}\n`));
});
const isHttp = (head: Buffer): boolean => /^(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|TRACE|CONNECT) /.test(head.subarray(0, 9).toString('latin1'));

for (const port of ports) {
  createTcpServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.once('data', (head) => {
      socket.pause();
      socket.unshift(head);
      if (isHttp(head)) http.emit('connection', socket);
      else socket.pipe(socket);
      socket.resume();
    });
  }).listen(Number(port), '::');
}
console.log(`echo: ${name} stands in on ports ${ports.join(', ') || 'none'}`);
// A container without ports still runs.
setInterval(() => {}, 1 << 30);
process.on('SIGTERM', () => process.exit(0));
