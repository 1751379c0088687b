import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { createLimits, type Logger, type Metrics } from '@flotilla/observability-port';
import { createListener, type Connection, type GuardOptions } from '@flotilla/server';
import { messageOf, nextTurn } from '@flotilla/std';
import { buildAnswer, buildFailure, parseQuery } from './answer.ts';
import type { Query, Transport } from './answer.ts';
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
  /** Queries that may wait for upstream servers at once; others are answered with SERVFAIL. */
  readonly maxForwarded?: number;
  /** For DNS over TCP. */
  readonly guard?: GuardOptions;
  readonly log: Logger;
  readonly metrics: Metrics;
}
export interface DnsServer {
  readonly port: number;
  update(table: Readonly<Record<string, NameInfo>>): void;
  close(): Promise<void>;
}

/**
 * Queries of one TCP connection that are not answered, or whose answers are not taken; it is read no further meanwhile.
 */
const maxUnanswered = 64;
const idleMs = 10_000;

/** Answers a message; undefined for one that is not a query. Never rejects. */
type Answer = (bytes: Buffer, transport: Transport) => Promise<Buffer | undefined>;

/**
 * A DNS server for the pod's application, over UDP and TCP: names of the mesh from the name table, all others from the
 * upstream servers, one after the other until one answers. Before the first table everything goes upstream.
 */
export async function createDnsServer(options: DnsServerOptions): Promise<DnsServer> {
  const { address, log, metrics, upstreams, timeoutMs = 5000, maxForwarded = 1000, guard } = options;
  const requests = metrics.counter('istio_agent_dns_requests_total', 'Total number of DNS requests');
  const forwarded = metrics.counter(
    'istio_agent_dns_upstream_requests_total',
    'Total number of DNS requests forwarded to upstream',
  );
  const failed = metrics.counter(
    'istio_agent_dns_upstream_failures_total',
    'Total number of DNS requests that upstream did not answer',
  );
  const hit = createLimits(metrics, ['dns_queries'], 'dns');
  let table: LookupTable | undefined;
  let inFlight = 0;

  const fromTable = (query: Query, transport: Transport): Buffer | undefined => {
    try {
      return table && buildAnswer(table, query, { transport });
    } catch (thrown) {
      log.warn('a name of the mesh could not be answered', { name: query.question.name, error: messageOf(thrown) });
      return buildFailure(query);
    }
  };

  const answer: Answer = async (bytes, transport) => {
    const query = parseQuery(bytes);
    if (!query) return undefined;
    requests.add();
    const known = fromTable(query, transport);
    if (known) return known;
    if (inFlight >= maxForwarded) {
      hit('dns_queries');
      return buildFailure(query);
    }
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

  const tcp = await createListener({
    ...guard,
    limits: { ...guard?.limits, idleTimeout: idleMs },
    at: { host: address, port: options.port },
    framing: 'sequential',
    serve: (socket, connection) => void serveTcp(socket, connection, answer).catch(() => socket.destroy()),
  });
  const { port } = tcp;
  const udp = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  udp.on('message', (bytes, peer) => {
    void answer(bytes, 'udp')
      .then((response) => response && udp.send(response, peer.port, peer.address))
      // Nobody can be answered at port 0, or once the server is closed.
      .catch(() => {});
  });
  try {
    udp.bind(port, address);
    await once(udp, 'listening');
  } catch (thrown) {
    await tcp.close(0);
    throw thrown;
  }
  udp.on('error', (error) => log.warn('DNS socket', { error: error.message }));
  return {
    port,
    update: (names) => void (table = buildLookupTable(names, options.names)),
    async close() {
      udp.close();
      await tcp.close(0);
    },
  };
}

async function serveTcp(socket: Socket, connection: Connection, answer: Answer): Promise<void> {
  let wake = (): void => {};
  const done = (): void => {
    connection.ended();
    wake();
  };
  for await (const message of readMessages(socket)) {
    connection.began();
    void answer(message, 'tcp').then((response) => {
      if (response) return socket.write(withLength(response), done);
      socket.destroy();
      return done();
    });
    while (connection.requests >= maxUnanswered) await new Promise<void>((resolve) => (wake = resolve));
    // What else came with this message lets others have their turn.
    await nextTurn();
  }
}

async function askUpstreams(
  query: Buffer,
  { upstreams, transport, timeoutMs }: { upstreams: readonly Upstream[]; transport: Transport; timeoutMs: number },
): Promise<Buffer> {
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
