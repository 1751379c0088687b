import type { Bus } from '@flotilla/bus-port';
import { connectNats, watchReconnects, type NatsBusOptions } from './connection.ts';
import { logSubject, streamName } from './names.ts';
import { createNatsPublisher } from './publisher.ts';
import { createNatsSubscriber } from './subscriber.ts';

/** The bus over NATS JetStream: one stream per revision. Resolves when the server is reached; rejects when `signal` aborts before. */
export async function createNatsBus(options: NatsBusOptions): Promise<Bus> {
  const { revision, role, replicas = 1, onProblem = () => {} } = options;
  const connection = await connectNats(options);
  const closing = new AbortController();
  const listeners = new Set<() => void>();
  void watchReconnects(connection, () => listeners.forEach((listener) => listener()));
  const shared = {
    connection, stream: streamName(revision), signal: closing.signal, onProblem,
    onReconnect: (listener: () => void) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
  const publisher = role === 'publisher' ? createNatsPublisher({ ...shared, subject: logSubject(revision), replicas }) : undefined;
  return {
    publish: (batch, signal) => (publisher ? publisher.publish(batch, signal) : Promise.reject(new Error('a subscriber does not publish'))),
    subscribe: createNatsSubscriber(shared).subscribe,
    close: async () => {
      closing.abort();
      await connection.close();
    },
  };
}
