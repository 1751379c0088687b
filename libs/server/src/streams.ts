import { subscribe } from 'node:diagnostics_channel';
import type { ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import type { Connection } from './connections.ts';

const connectionOf = Symbol('connection');
type Marked = Socket & { [connectionOf]?: Connection };
let isListening = false;

/**
 * From now on a connection has a request for each HTTP/2 stream that is open on its socket. grpc-js keeps its sessions to itself, so this listens where
 * Node reports streams of the whole process.
 */
export function followStreams(socket: Socket, connection: Connection): void {
  (socket as Marked)[connectionOf] = connection;
  if (isListening) return;
  isListening = true;
  subscribe('http2.server.stream.created', (message) => {
    const { stream } = message as { readonly stream: ServerHttp2Stream };
    const found = (stream.session?.socket as Marked | undefined)?.[connectionOf];
    if (!found) return;
    found.began();
    stream.once('close', () => found.ended());
  });
}
