import type { Batch, Collection } from '@flotilla/model';

export type { Batch, Delete, Put, TraceParent } from '@flotilla/model';

/** The state would be larger than a bus carries. Nothing of the batch was published; the last state stays in force. */
export class TooLargeError extends Error {
  constructor(bytes: number, maxBytes: number) {
    super(
      `the configuration is ${bytes} bytes with this change, more than the bus carries (${maxBytes}); it is not published until it is smaller`,
    );
  }
}

export interface Publisher {
  /**
   * Publishes one batch. A put whose value equals the last published one (envelope apart) is left out; a batch left
   * empty is not sent. Resolves when the transport holds it; while the peer is away it waits and retries until `signal`
   * aborts. Nothing is lost, nothing is sent twice. Where another publisher has the transport, it resolves at once: the
   * batch is part of what this one publishes when it takes over. A session other than the one before is held back until
   * it has completed what that one had completed; then it takes its place as a whole. Rejects with TooLargeError,
   * without any effect.
   */
  publish(batch: Batch, signal?: AbortSignal): Promise<void>;
}

export interface Subscriber {
  /**
   * First the whole current state of the collections (in one or more batches, ended by their `complete`), then changes,
   * coalesced to the latest per key for a slow reader. What a reader holds is the state of one session of one
   * publisher: another session, or another publisher after a reconnection, takes its place in one batch, when it is
   * complete, and with deletes for what it does not have. Reconnects by itself without loss or repetition; ends when
   * `signal` aborts.
   */
  subscribe(collections: readonly Collection[], signal: AbortSignal): AsyncIterable<Batch>;
}

/** Pilot's end of the way back, on which its reports travel to galley (see report/). */
export interface ReportSender {
  /**
   * Sends one message and resolves with galley's answer to it. Rejects when there is none, or `signal` aborts; then
   * nobody knows whether galley has the message.
   */
  report(message: Uint8Array, signal: AbortSignal): Promise<Uint8Array>;
}
/**
 * Takes a message of a reporter, which the transport has authenticated. Undefined: the message was not for this galley.
 */
export type TakeReport = (message: Uint8Array, reporter: string) => Uint8Array | undefined;
/** Galley's end of the way back. */
export interface ReportReceiver {
  /** From now on `take` answers. It must not throw. */
  onReport(take: TakeReport): void;
}

export interface Bus extends Publisher, Subscriber, ReportSender, ReportReceiver {
  close(): Promise<void>;
}
