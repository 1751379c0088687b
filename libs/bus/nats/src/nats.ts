import { randomBytes } from 'node:crypto';
import type { Bus } from '@flotilla/bus-port';
import { pause, systemClock } from '@flotilla/std';
import { connectNats, watchReconnects, type NatsBusOptions } from './connection.ts';
import { createJetStreamLog } from './jetstream-log.ts';
import { inboxPrefix, streamName, writerName } from './names.ts';
import { withoutRepeats } from './problems.ts';
import { openReports, sendReport } from './reports.ts';
import { createNatsSubscriber } from './subscriber.ts';
import { createWriter } from './writer.ts';

/** How long a publisher that ends tries to say so. */
const leaveMs = 1000;

/**
 * The bus over NATS JetStream: one stream per revision. Resolves when the server is reached; rejects when `signal`
 * aborts before.
 */
export async function createNatsBus(options: NatsBusOptions): Promise<Bus> {
  const { revision, user, role, replicas = 1, instance = 'galley', onRole = () => {} } = options;
  const stream = streamName(revision);
  const report = withoutRepeats(options.onProblem ?? (() => {}));
  const onProblem = (message: string): void => report(`bus: stream ${stream}: ${message}`);
  const connection = await connectNats({ ...options, onProblem: report });
  const reports = role === 'publisher' ? await openReports({ ...options, onProblem: report }) : undefined;
  const closing = new AbortController();
  const { signal } = closing;
  const listeners = new Set<() => void>();
  void watchReconnects(connection, () => listeners.forEach((listener) => listener()));
  const onReconnect = (listener: () => void): (() => void) => {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  };
  const writer =
    role === 'publisher'
      ? createWriter({
          log: createJetStreamLog({ connection, revision, replicas }),
          clock: systemClock,
          signal,
          onProblem,
          onRole,
          election: options.election,
          name: `${writerName(instance)}-${randomBytes(4).toString('hex')}`,
        })
      : undefined;
  if (writer) onReconnect(writer.check);
  return {
    publish: (batch, ended) =>
      writer ? writer.publish(batch, ended) : Promise.reject(new Error('a subscriber does not publish')),
    subscribe: createNatsSubscriber({
      connection,
      revision,
      inboxes: inboxPrefix(user),
      signal,
      onProblem,
      onReconnect,
    }).subscribe,
    report: (message, ended) =>
      writer
        ? Promise.reject(new Error('a publisher does not report'))
        : sendReport({ connection, revision, user }, message, ended),
    onReport: (take) => {
      if (!reports) throw new Error('a subscriber takes no reports');
      reports.onReport(take);
    },
    close: async () => {
      closing.abort();
      await Promise.race([writer?.ended, pause(leaveMs)]);
      await Promise.all([connection.close(), reports?.close()]);
    },
  };
}
