import type { NatsConnection } from '@nats-io/nats-core';
import type { ReportReceiver, TakeReport } from '@flotilla/bus-port';
import { connectNats, type NatsBusOptions } from './connection.ts';
import { reportSubject } from './names.ts';

/** How long galley may take to answer. */
const timeoutMs = 2000;

interface ReportLink {
  readonly connection: NatsConnection;
  readonly revision: string;
  readonly user: string;
}

/** Sends one message as `user`; resolves with galley's answer. */
export async function sendReport(
  { connection, revision, user }: ReportLink,
  message: Uint8Array,
  signal: AbortSignal,
): Promise<Uint8Array> {
  signal.throwIfAborted();
  const lost = Promise.withResolvers<never>();
  const abort = (): void => lost.reject(signal.reason as Error);
  signal.addEventListener('abort', abort, { once: true });
  try {
    const request = connection.request(reportSubject(revision, user), message, { timeout: timeoutMs });
    return (await Promise.race([request, lost.promise])).data;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/**
 * Galley's end. Every galley of the revision hears the reports of all users; the one that a report is for answers.
 * nats-server lets a user publish on its own subject only, so the subject says who it is. The connection is another
 * than the log's: a flood of reports does not hold up what galley publishes. Rejects when `signal` aborts before the
 * server is reached.
 */
export async function openReports(options: NatsBusOptions): Promise<ReportReceiver & { close(): Promise<void> }> {
  const { revision, onProblem = () => {} } = options;
  const connection = await connectNats(options);
  let takeReport: TakeReport = () => undefined;
  connection.subscribe(reportSubject(revision, '*'), {
    callback: (error, message) => {
      if (error) return onProblem(`reports: ${error.message}`);
      const user = message.subject.slice(message.subject.lastIndexOf('.') + 1);
      const answer = takeReport(message.data, user);
      if (answer) message.respond(answer);
    },
  });
  await connection.flush();
  return {
    onReport: (take) => {
      takeReport = take;
    },
    close: () => connection.close(),
  };
}
