import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import type { Logger, Metrics } from '@flotilla/observability-port';
import { messageOf } from '@flotilla/std';
import { buildAnswer, buildFailure, parseQuery } from './answer.ts';
import type { Transport } from './answer.ts';
import { forward } from './forward.ts';
import type { Upstream } from './forward.ts';
import { buildLookupTable } from './lookup-table.ts';
import type { LookupTable, NameInfo, ProxyNames } from './lookup-table.ts';
import { readMessages, withLength } from './tcp-framing.ts';

export interface DnsServerOptions {
  readonly address: string;
  /** 0 lets the system choose, the same for UDP and TCP. */
  readonly port: number;
  readonly names: ProxyNames;
  readonly upstreams: readonly Upstream[];
  readonly timeoutMs?: number;
  readonly log: Logger;
  readonly metrics: Metrics;
}
export interface DnsServer {
  readonly port: number;
  update(table: Readonly<Record<string, NameInfo>>): void;
  close(): Promise<void>;
}

const maxInFlight = 1000;
const maxConnections = 200;
const idleMs = 10_000;

/**
 * A DNS server for the pod's application, over UDP and TCP: names of the mesh from the name table, all others from the upstream servers, one after the
 * other until one answers. Before the first table everything goes upstream. Beyond `maxInFlight` forwarded queries it answers SERVFAIL.
 */
export async function createDnsServer(options: DnsServerOptions): Promise<DnsServer> {
  const { address, log, metrics, upstreams, timeoutMs = 5000 } = options;
  const requests = metrics.counter('istio_agent_dns_requests_total', 'Total number of DNS requests');
  const forwarded = metrics.counter('istio_agent_dns_upstream_requests_total', 'Total number of DNS requests forwarded to upstream');
  const failed = metrics.counter('istio_agent_dns_upstream_failures_total', 'Total number of DNS requests that upstream did not answer');
  let table: LookupTable | undefined;
  let inFlight = 0;
  const sockets = new Set<Socket>();

  const answer = async (bytes: Buffer, transport: Transport): Promise<Buffer | undefined> => {
    const query = parseQuery(bytes);
    if (!query) return undefined;
    requests.add();
    const known = table && buildAnswer(table, query, { transport });
    if (known) return known;
    if (inFlight >= maxInFlight) return buildFailure(query);
    inFlight++;
    forwarded.add();
    try {
      return await askUpstreams(bytes, { upstreams, transport, timeoutMs });
    } catch (thrown) {
      failed.add();
      log.debug('upstream did not answer', { name: query.question.name, error: messageOf(thrown) });
      return buildFailure(query);
    } finally {
      inFlight--;
    }
  };

  const tcp = createServer({ noDelay: true }, (socket) => serveTcp(socket, sockets, answer));
  tcp.maxConnections = maxConnections;
  tcp.listen(options.port, address);
  await once(tcp, 'listening');
  const { port } = tcp.address() as AddressInfo;
  const udp = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  udp.on('message', (bytes, peer) => {
    void answer(bytes, 'udp').then((response) => response && udp.send(response, peer.port, peer.address));
  });
  udp.bind(port, address);
  await once(udp, 'listening');
  udp.on('error', (error) => log.warn('DNS socket', { error: error.message }));
  return {
    port,
    update: (names) => void (table = buildLookupTable(names, options.names)),
    async close() {
      udp.close();
      tcp.close();
      for (const socket of sockets) socket.destroy();
      await once(tcp, 'close');
    },
  };
}

function serveTcp(socket: Socket, sockets: Set<Socket>, answer: (bytes: Buffer, transport: Transport) => Promise<Buffer | undefined>): void {
  sockets.add(socket);
  socket.setTimeout(idleMs, () => socket.destroy());
  socket.on('error', () => socket.destroy());
  socket.on('close', () => sockets.delete(socket));
  readMessages(socket, (message) => {
    void answer(message, 'tcp').then((response) => {
      if (!response) socket.destroy();
      else if (socket.writable) socket.write(withLength(response));
    });
  });
}

async function askUpstreams(query: Buffer, { upstreams, transport, timeoutMs }: { upstreams: readonly Upstream[]; transport: Transport; timeoutMs: number }): Promise<Buffer> {
  let last: unknown = new Error('no upstream server');
  for (const upstream of upstreams) {
    try {
      return await forward(query, upstream, { transport, timeoutMs });
    } catch (thrown) {
      last = thrown;
    }
  }
  throw last;
}
