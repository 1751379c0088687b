import { DeliverPolicy, jetstream, jetstreamManager, type ConsumerMessages, type JetStreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { messageOf } from '@flotilla/std';
import { pause } from './connection.ts';
import { parseHead, type Part } from './entry.ts';

export interface LogReader {
  readonly connection: NatsConnection;
  readonly stream: string;
  readonly signal: AbortSignal;
  /** Told of each reconnection; returns how to stop listening. */
  readonly onReconnect: (listener: () => void) => () => void;
  readonly onProblem: (message: string) => void;
  /** Each part in its order; after the stream was made again, from its beginning. */
  onPart(part: Part): void;
}

export const managerOf = (connection: NatsConnection): Promise<JetStreamManager> => jetstreamManager(connection, { checkAPI: false, timeout: 2000 });

/**
 * Follows a stream from its first message until the signal aborts. It takes up where it was after each reconnection; a stream that is not there
 * yet is waited for, one that lost what was read (a server that came back empty) is read anew.
 */
export async function followLog({ connection, stream, signal, onReconnect, onProblem, onPart }: LogReader): Promise<void> {
  let next = 1;
  let created: string | undefined;
  let messages: ConsumerMessages | undefined;
  const stop = (): void => messages?.stop();
  const forget = onReconnect(stop);
  signal.addEventListener('abort', stop);
  for (let wait = 20; !signal.aborted;) {
    try {
      const info = await (await managerOf(connection)).streams.info(stream);
      if (info.created !== created || info.state.last_seq < next - 1) [next, created] = [1, info.created];
      const consumer = await jetstream(connection).consumers.get(stream, { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: next });
      messages = await consumer.consume({ max_bytes: 8 * 1024 * 1024, idle_heartbeat: 2000, expires: 30_000 });
      if (signal.aborted) stop();
      for await (const message of messages) {
        if (message.seq < next) continue;
        next = message.seq + 1;
        wait = 20;
        const head = parseHead(message.headers);
        if (head) onPart({ ...head, data: message.data });
      }
    } catch (error) {
      if (signal.aborted) break;
      onProblem(`reading: ${messageOf(error)}`);
      await pause(wait, signal);
      wait = Math.min(wait * 2, 1000);
    }
  }
  forget();
  signal.removeEventListener('abort', stop);
}
