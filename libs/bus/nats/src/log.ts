import { DeliverPolicy, jetstream, jetstreamManager, type ConsumerMessages, type JetStreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { messageOf } from '@flotilla/std';
import { pause } from './connection.ts';
import { createAssembler, type Entry } from './entry.ts';

export interface LogReader {
  readonly connection: NatsConnection;
  readonly stream: string;
  readonly signal: AbortSignal;
  /** Told of each reconnection; returns how to stop listening. */
  readonly onReconnect: (listener: () => void) => () => void;
  readonly onProblem: (message: string) => void;
  /** The stream is another one than before, or the first: nothing read from it yet. */
  onStream(): void;
  /** Each entry once, in order; `seq` is where it ends in the stream. */
  onEntry(entry: Entry, seq: number): void;
}

export const managerOf = (connection: NatsConnection): Promise<JetStreamManager> => jetstreamManager(connection, { checkAPI: false, timeout: 2000 });

/**
 * Follows a stream from its first message until the signal aborts. It takes up where it was after each reconnection; a stream that is not there
 * yet is waited for, one that lost what was read (a server that came back empty) is read anew.
 */
export async function followLog({ connection, stream, signal, onReconnect, onProblem, onStream, onEntry }: LogReader): Promise<void> {
  let next = 1;
  let created: string | undefined;
  let assemble = createAssembler();
  let messages: ConsumerMessages | undefined;
  const stop = (): void => messages?.stop();
  const forget = onReconnect(stop);
  signal.addEventListener('abort', stop);
  for (let wait = 20; !signal.aborted;) {
    try {
      const info = await (await managerOf(connection)).streams.info(stream);
      if (info.created !== created || info.state.last_seq < next - 1) {
        [next, created, assemble] = [1, info.created, createAssembler()];
        onStream();
      }
      const consumer = await jetstream(connection).consumers.get(stream, { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: next });
      messages = await consumer.consume({ max_bytes: 8 * 1024 * 1024, idle_heartbeat: 2000, expires: 30_000 });
      if (signal.aborted) stop();
      for await (const message of messages) {
        if (message.seq < next) continue;
        next = message.seq + 1;
        wait = 20;
        const entry = assemble(message.headers, message.data);
        if (entry) onEntry(entry, message.seq);
      }
    } catch (error) {
      if (signal.aborted) break;
      onProblem(`bus: reading stream ${stream}: ${messageOf(error)}`);
      await pause(wait, signal);
      wait = Math.min(wait * 2, 1000);
    }
  }
  forget();
  signal.removeEventListener('abort', stop);
}
