import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttp2Server, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import { createServer as createTcpServer } from 'node:net';
import { peerIn } from './peer.ts';

export interface Echo {
  readonly name: string;
  readonly ports: readonly number[];
  /** Each answer contains POD_APP and POD_VERSION, and HOSTNAME as the name of the pod. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT']);
const firstWord = (head: Buffer): string => head.subarray(0, 9).toString('latin1').split(' ')[0] ?? '';

/**
 * Replaces a container: answers HTTP/1.1 and HTTP/2 with the request that it received, and other protocols with a line
 * that names it, then with the bytes that it receives.
 */
export function serveEcho({ name, ports, env }: Echo): void {
  const self = { container: name, pod: env['HOSTNAME'] ?? '', app: env['POD_APP'], version: env['POD_VERSION'] };
  const describeRequest = ({ method, url, headers, httpVersion }: IncomingMessage | Http2ServerRequest) => ({
    ...self,
    protocol: `HTTP/${httpVersion}`,
    method,
    path: url,
    headers,
    peer: peerIn(headers),
  });
  const answer = (
    request: IncomingMessage | Http2ServerRequest,
    response: ServerResponse | Http2ServerResponse,
  ): void => {
    request.resume();
    request.once('end', () => {
      response.statusCode = 200;
      response.setHeader('content-type', 'application/json');
      response.end(`${JSON.stringify(describeRequest(request))}\n`);
    });
  };
  // The proxy beside an application pools its connections: one that the application closes just when the proxy reuses
  // it ends a request with 503 UC. So the proxy decides how long a connection stays idle.
  const [http, http2] = [createServer({ keepAliveTimeout: 0 }, answer), createHttp2Server(answer)];
  for (const port of ports) {
    createTcpServer((socket) => {
      socket.on('error', () => socket.destroy());
      // Put back, so that the next reader of the socket gets all bytes.
      socket.once('readable', () => {
        const head = (socket.read() ?? Buffer.alloc(0)) as Buffer;
        socket.unshift(head);
        if (methods.has(firstWord(head))) http.emit('connection', socket);
        else if (firstWord(head) === 'PRI') http2.emit('connection', socket);
        else {
          socket.write(`${JSON.stringify(self)}\n`);
          socket.pipe(socket);
        }
      });
    }).listen(port, '::');
  }
  console.log(`echo: ${name} stands in on ports ${ports.join(', ') || 'none'}`);
}
