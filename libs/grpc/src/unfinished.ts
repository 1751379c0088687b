import { constants, type ServerHttp2Stream } from 'node:http2';
import type { Deadlines } from '@flotilla/server';

/** The compression flag and the length before each message (gRPC over HTTP/2, Length-Prefixed-Message). */
const headerBytes = 5;
/**
 * What each chunk of a message costs beside its bytes: a message may come in frames of one byte, and each keeps what
 * was read from the socket with it, up to 64 KiB.
 */
export const chunkCost = 8192;

/** What is held in memory of the messages of one call, which are kept until their last byte. */
export class Framing {
  /** Bytes held, and what it costs to hold them; 0 between messages. */
  cost = 0;
  /** How many messages are complete. */
  complete = 0;
  readonly #header = Buffer.alloc(headerBytes);
  /** Bytes of the header that are there. */
  #known = 0;
  /** Bytes of the message that are still to come. */
  #missing = 0;

  /** Takes in the next bytes of the call. Returns whether another message has begun with them that is not complete. */
  read(chunk: Buffer): boolean {
    let isNew = this.cost === 0;
    let start = 0;
    for (let next = 0; next < chunk.length;) {
      next += this.#take(chunk.subarray(next));
      if (this.#known < headerBytes || this.#missing > 0) continue;
      [this.#known, this.cost, start, isNew] = [0, 0, next, true];
      this.complete += 1;
    }
    if (start < chunk.length) this.cost += chunk.length - start + chunkCost;
    return isNew && this.cost > 0;
  }

  /** Takes in bytes of the header, or else of the message; returns how many. */
  #take(chunk: Buffer): number {
    if (this.#known === headerBytes) {
      const taken = Math.min(chunk.length, this.#missing);
      this.#missing -= taken;
      return taken;
    }
    const taken = chunk.copy(this.#header, this.#known);
    this.#known += taken;
    if (this.#known === headerBytes) this.#missing = this.#header.readUInt32BE(1);
    return taken;
  }
}

export interface UnfinishedOptions {
  /** Bytes of all messages together that are not complete. One more resets the call that has waited longest. */
  readonly maxTotal: number;
  /** Milliseconds for the rest of a message, except the first: `requestDeadline` has that. */
  readonly requestTimeout: number;
  readonly deadlines: Deadlines;
  onLimit(kind: 'message_memory' | 'body_timeout'): void;
}
interface Waiting {
  readonly cost: number;
  readonly cancel: () => void;
}

/** Bounds the messages that have begun and not ended, over all calls of a server. */
export class Unfinished {
  readonly #options: UnfinishedOptions;
  /** By call, in the order in which their messages began. */
  readonly #waiting = new Map<ServerHttp2Stream, Waiting>();
  #total = 0;

  constructor(options: UnfinishedOptions) {
    this.#options = options;
  }

  /** Follows a call from its beginning to its end. */
  follow(stream: ServerHttp2Stream): void {
    const framing = new Framing();
    // Unlike `on`, this leaves it to grpc-js when the stream begins to flow.
    stream.prependListener('data', (chunk: Buffer) => {
      const isNew = framing.read(chunk);
      if (isNew || framing.cost === 0) this.#forget(stream);
      if (framing.cost > 0 && !stream.closed) this.#hold(stream, framing);
    });
    stream.once('close', () => this.#forget(stream));
  }

  #hold(stream: ServerHttp2Stream, { cost, complete }: Framing): void {
    const { deadlines, requestTimeout } = this.#options;
    const known = this.#waiting.get(stream);
    const expire = (): void => this.#reset(stream, 'body_timeout', constants.NGHTTP2_CANCEL);
    const cancel = known?.cancel ?? (complete > 0 ? deadlines.after(requestTimeout, expire) : () => {});
    this.#total += cost - (known?.cost ?? 0);
    this.#waiting.set(stream, { cost, cancel });
    for (const longest of this.#waiting.keys()) {
      if (this.#total <= this.#options.maxTotal) return;
      this.#reset(longest, 'message_memory', constants.NGHTTP2_ENHANCE_YOUR_CALM);
    }
  }

  #reset(stream: ServerHttp2Stream, kind: 'message_memory' | 'body_timeout', code: number): void {
    this.#options.onLimit(kind);
    this.#forget(stream);
    stream.close(code);
  }

  #forget(stream: ServerHttp2Stream): void {
    const { cost = 0, cancel } = this.#waiting.get(stream) ?? {};
    cancel?.();
    this.#total -= cost;
    this.#waiting.delete(stream);
  }
}
