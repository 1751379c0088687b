import { subscribe } from 'node:diagnostics_channel';
import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import type { Connection } from './connections.ts';
import type { Deadlines } from './ticks.ts';

export interface Following {
  readonly deadlines: Deadlines;
  /** Milliseconds that a client may leave a stream open which is answered. */
  readonly requestTimeout: number;
  /** A stream has been opened with these headers, which may be changed; nothing of its body has been read yet. */
  onOpen?(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void;
}
interface Followed extends Following {
  readonly connection: Connection;
}

const followed = Symbol('followed');
type Marked = Socket & { [followed]?: Followed };
let isListening = false;

/**
 * From now on a connection has a request for each HTTP/2 stream that is open on its socket. grpc-js keeps its sessions
 * to itself, so this listens where Node reports the streams of the whole process.
 */
export function followStreams(socket: Socket, connection: Connection, following: Following): void {
  (socket as Marked)[followed] = { connection, ...following };
  if (isListening) return;
  isListening = true;
  subscribe('http2.server.stream.created', (message) => {
    const { stream, headers } = message as {
      readonly stream: ServerHttp2Stream;
      readonly headers: IncomingHttpHeaders;
    };
    const found = (stream.session?.socket as Marked | undefined)?.[followed];
    if (!found) return;
    found.onOpen?.(stream, headers);
    follow(stream, found);
  });
}

function follow(stream: ServerHttp2Stream, { connection, deadlines, requestTimeout }: Followed): void {
  let cancel = (): void => {};
  connection.began();
  const close = (): void => stream.close(constants.NGHTTP2_NO_ERROR);
  // A complete answer ends the stream only when the client has ended its part as well, or when the server resets it
  // (RFC 9113, 8.1). That discards what the connection has not taken yet, trailers for example, which Node sends after
  // the stream is finished: unless they are sent in a few turns, the client has time to end the stream.
  const closeOnceSent = (turns: number): void => {
    if (stream.state.localClose === 1) close();
    else if (turns > 0) setImmediate(closeOnceSent, turns - 1);
  };
  stream.once('finish', () => {
    cancel = deadlines.after(requestTimeout, close);
    setImmediate(closeOnceSent, 4);
  });
  stream.once('close', () => {
    cancel();
    connection.ended();
  });
}
