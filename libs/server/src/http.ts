import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Connection } from './connections.ts';
import { createListener, type ListenerOptions } from './listener.ts';
import { PacedSocket } from './paced-socket.ts';
import { createPacer } from './pacer.ts';

export interface HttpServerOptions extends Omit<ListenerOptions, 'serve' | 'framing' | 'onTick'> {
  /**
   * Answers a request. When it throws or rejects, the request ends with status 500 and `onProblem` is called with the
   * reason.
   */
  handle(request: IncomingMessage, response: ServerResponse): void | Promise<void>;
}
export interface HttpServer {
  readonly port: number;
  /** Closes idle connections, and the others when their answer is complete or `withinMs` have passed. */
  close(withinMs?: number): Promise<void>;
}

/** Bytes of a request's line and headers together, and how many headers there may be. */
const maxHeaderSize = 16 * 1024;
const maxHeadersCount = 100;

/** An HTTP/1.1 server, over TLS where `tls` is given. Rejects with the `code` of an address that can't be had. */
export async function serveHttp({ handle, ...options }: HttpServerOptions): Promise<HttpServer> {
  const { onLimit = () => {}, onProblem = () => {} } = options;
  const connections = new WeakMap<Duplex, Connection>();
  const pacer = createPacer();
  let isClosing = false;
  // The listener has the deadlines: Node checks them only on servers that accept their connections themselves.
  const server = createServer(
    { maxHeaderSize, keepAliveTimeout: 0, headersTimeout: 0, requestTimeout: 0 },
    (request, response) => {
      const connection = connections.get(request.socket);
      if (connection?.beganInSequence(hasBody(request)) === false) return;
      request.once('end', () => connection?.received());
      response.once('close', () => {
        connection?.ended();
        if (isClosing) request.socket.destroySoon();
      });
      response.shouldKeepAlive &&= !isClosing;
      const fail = (thrown: unknown): void => {
        onProblem(`a request failed: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
        if (response.headersSent) response.destroy();
        else response.writeHead(500).end();
      };
      void (async () => handle(request, response))().catch(fail);
    },
  );
  server.maxHeadersCount = maxHeadersCount;
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const isTooLarge = error.code === 'HPE_HEADER_OVERFLOW';
    if (isTooLarge) onLimit('header_size');
    const status = isTooLarge ? '431 Request Header Fields Too Large' : '400 Bad Request';
    if (socket.writable) socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`, () => socket.destroy());
    else socket.destroy();
  });
  const listener = await createListener({
    ...options,
    framing: 'sequential',
    serve(socket, connection) {
      const paced = new PacedSocket(socket, pacer);
      paced.on('error', () => {});
      connections.set(paced, connection);
      server.emit('connection', paced);
    },
  });
  const removeDrain = options.drains?.add(() => {
    // A request on a reused connection is still answered; then the client has to open another connection.
    isClosing = true;
    return Promise.resolve();
  });
  return {
    port: listener.port,
    async close(withinMs = 2000) {
      removeDrain?.();
      isClosing = true;
      const closed = listener.close(withinMs);
      listener.closeIdle();
      await closed;
    },
  };
}

/** Whether the headers of a request announce a body (RFC 9112, 6. Message Body). */
export const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
