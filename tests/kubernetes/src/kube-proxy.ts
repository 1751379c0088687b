import { connect, createServer, type Socket } from 'node:net';

/** A TCP proxy to the API server whose connections tests can cut or stall. */
export interface CuttableProxy {
  /** `https://127.0.0.1:PORT`, with the API server's own certificate. */
  readonly url: string;
  /** Cuts each connection made from now on after so many bytes of answers, until the next call; Infinity: never. */
  cutAfter(bytes: number): void;
  /** Stops all data on existing connections without closing them, as when a router on the path has died. */
  stall(): void;
  /** How many connections have been accepted. */
  readonly accepted: number;
  close(): Promise<void>;
}

/** Forwards bytes to the API server at a URL. */
export async function openProxy(target: string): Promise<CuttableProxy> {
  const { hostname, port } = new URL(target);
  const pairs = new Set<readonly [Socket, Socket]>();
  let limit = Infinity;
  let accepted = 0;
  const server = createServer((client) => {
    accepted += 1;
    const upstream = connect(Number(port), hostname);
    const pair = [client, upstream] as const;
    pairs.add(pair);
    let left = limit;
    upstream.on('data', (bytes) => {
      left -= bytes.length;
      if (left < 0) return end();
      client.write(bytes);
    });
    client.on('data', (bytes) => upstream.write(bytes));
    const end = (): void => {
      pairs.delete(pair);
      for (const socket of pair) socket.destroy();
    };
    for (const socket of pair) socket.on('close', end).on('error', end);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (typeof address !== 'object' || !address) throw new Error('no address');
  return {
    url: `https://127.0.0.1:${address.port}`,
    cutAfter: (bytes) => void (limit = bytes),
    stall() {
      for (const pair of pairs) for (const socket of pair) socket.removeAllListeners('data').pause();
    },
    get accepted() {
      return accepted;
    },
    close() {
      for (const pair of pairs) for (const socket of pair) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
