import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { Paced } from './pacer.ts';

/**
 * Bytes that are parsed in one step. Few, because a byte may cost a lot: this many hold dozens of requests, or hundreds
 * of chunks, and each of those is a call into JavaScript.
 */
const stepBytes = 1024;

/**
 * A connection whose bytes reach its protocol a few at a time, in turn with other connections. Node parses everything
 * that it has read from a socket at once, up to megabytes, even when the first request in it destroys the connection;
 * this socket drops what is left.
 */
export class PacedSocket extends Duplex implements Paced {
  readonly #socket: Socket;
  readonly #wait: (paced: Paced) => void;
  #read: Buffer = Buffer.alloc(0);
  #isWanted = false;
  #isWaiting = false;
  #hasEnded = false;

  /** `wait` calls `step` when it is this socket's turn. */
  constructor(socket: Socket, wait: (paced: Paced) => void) {
    super({ allowHalfOpen: true });
    this.#socket = socket;
    this.#wait = wait;
    socket
      .on('data', (bytes: Buffer) => {
        this.#read = this.#read.length === 0 ? bytes : Buffer.concat([this.#read, bytes]);
        socket.pause();
        this.#schedule();
      })
      .once('end', () => {
        this.#hasEnded = true;
        this.#schedule();
      })
      .once('error', (error) => this.destroy(error))
      .once('close', () => this.destroy());
    socket.pause();
  }

  get remoteAddress(): string | undefined {
    return this.#socket.remoteAddress;
  }

  /** Ends the connection once everything that was written has been sent; Node's HTTP server uses it. */
  destroySoon(): void {
    this.end(() => this.destroy());
  }

  step(): boolean {
    this.#isWaiting = false;
    // A protocol that has ended its side reads no more.
    if (this.#socket.destroyed || this.writableEnded) return false;
    const bytes = this.#read.subarray(0, stepBytes);
    this.#read = this.#read.subarray(bytes.length);
    if (bytes.length > 0) this.#isWanted = this.push(bytes);
    else if (this.#hasEnded) {
      this.push(null);
      return false;
    }
    if (this.#socket.destroyed || !this.#isWanted) return false;
    if (this.#read.length === 0 && !this.#hasEnded) {
      this.#socket.resume();
      return false;
    }
    this.#isWaiting = true;
    return true;
  }

  override _read(): void {
    this.#isWanted = true;
    if (this.#read.length > 0 || this.#hasEnded) this.#schedule();
    else this.#socket.resume();
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#socket.write(bytes, done);
  }

  override _final(done: () => void): void {
    this.#socket.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#read = Buffer.alloc(0);
    this.#socket.destroy();
    done(error);
  }

  #schedule(): void {
    if (this.#isWaiting || !this.#isWanted) return;
    this.#isWaiting = true;
    this.#wait(this);
  }
}
