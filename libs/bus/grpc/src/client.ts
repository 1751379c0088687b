import { Client, type ChannelCredentials, type ChannelOptions } from '@grpc/grpc-js';
import {
  batchFromBytes,
  createMirror,
  createOutbox,
  FormatError,
  type ReportSender,
  type Subscriber,
} from '@flotilla/bus-port';
import { messageOf, systemClock, type Clock } from '@flotilla/std';
import { maxMessageBytes, subscribeMethod } from './definition.ts';
import { sendReport } from './send-report.ts';

export interface GrpcBusClientOptions {
  /** `host:port` of galley. */
  readonly address: string;
  /** mTLS that checks the server's identity too; read at each connection, since certificates are renewed. */
  readonly credentials: () => ChannelCredentials;
  readonly channelOptions?: ChannelOptions;
  readonly clock?: Clock;
  /** Told why a stream ended; the client goes on by itself. */
  readonly onProblem?: (message: string) => void;
}
/** Reports travel on the connection of the subscription, and so to the galley that is followed. */
export interface GrpcBusClient extends Subscriber, ReportSender {
  close(): Promise<void>;
}

const backoff = { first: 50, most: 1000 };
const channelDefaults: ChannelOptions = {
  'grpc.max_receive_message_length': maxMessageBytes,
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 5000,
  'grpc.use_local_subchannel_pool': 1,
};

/**
 * The subscribers' side of the bus over gRPC. The first message of each stream is the whole state: a reader gets what
 * differs from what it has.
 */
export function createGrpcBusClient({
  address,
  credentials,
  channelOptions,
  clock = systemClock,
  onProblem = () => {},
}: GrpcBusClientOptions): GrpcBusClient {
  const closing = new AbortController();
  /** The latest connection of a subscription. */
  let connection: Client | undefined;
  return {
    async *subscribe(collections, signal) {
      const ended = AbortSignal.any([signal, closing.signal]);
      const mirror = createMirror(collections);
      const outbox = createOutbox(collections);
      let wait = backoff.first;
      let stop = (): void => {};

      function open(): void {
        if (ended.aborted) return;
        let whole = true;
        const { path, requestSerialize, responseDeserialize } = subscribeMethod;
        const client = new Client(address, credentials(), { ...channelDefaults, ...channelOptions });
        connection = client;
        const call = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, collections);
        call.on('data', (bytes: Uint8Array) => {
          if (isOver) return;
          try {
            const fresh = mirror.apply(batchFromBytes(bytes), { whole });
            whole = false;
            wait = backoff.first;
            if (fresh) outbox.add(fresh);
          } catch (error) {
            if (!(error instanceof FormatError)) throw error;
            // Another connection may lead to a galley of this version.
            wait = backoff.most;
            again(error.message);
            call.cancel();
          }
        });
        let isOver = false;
        const again = (reason: string): void => {
          if (isOver) return;
          isOver = true;
          client.close();
          if (connection === client) connection = undefined;
          if (ended.aborted) return;
          onProblem(`bus: stream from ${address}: ${reason}`);
          stop = clock.after(wait, open);
          wait = Math.min(wait * 2, backoff.most);
        };
        call.on('error', (error) => again(messageOf(error)));
        call.on('end', () => again('ended'));
        stop = () => call.cancel();
      }

      open();
      try {
        yield* outbox.batches(ended);
      } finally {
        stop();
      }
    },
    report: (message, signal) =>
      connection ? sendReport(connection, message, signal) : Promise.reject(new Error('not connected to galley')),
    close: () => {
      closing.abort();
      return Promise.resolve();
    },
  };
}
