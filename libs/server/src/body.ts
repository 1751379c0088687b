import type { IncomingMessage } from 'node:http';
import { createFairTurns } from './fair-turns.ts';

export interface BodyReaderOptions {
  /** Bytes of one body. */
  readonly maxBytes: number;
  /**
   * Bytes of all bodies that are being read or wait for their turn. One more ends the request that has been here
   * longest.
   */
  readonly maxTotal: number;
  onTotal(): void;
}
const needed = 'other bodies need the memory';
export type BodyReader = (request: IncomingMessage) => Promise<Buffer | 'too large'>;

/**
 * Reads bodies of requests into memory, within limits, and gives out those that are complete in fair turns: many at
 * once leave room for everything else in the process, and large ones do not hold up small ones. Rejects when the
 * client breaks off, or is broken off.
 */
export function createBodyReader({ maxBytes, maxTotal, onTotal }: BodyReaderOptions): BodyReader {
  const reading = new Set<IncomingMessage>();
  const breakOff = (request: IncomingMessage): void => {
    reading.delete(request);
    request.destroy(new Error(needed));
    // A request whose body is complete does no more by itself.
    request.socket.destroy();
  };
  let total = 0;
  const turn = createFairTurns();
  return async (request) => {
    const chunks: Buffer[] = [];
    let size = 0;
    reading.add(request);
    try {
      for await (const chunk of request as AsyncIterable<Buffer>) {
        size += chunk.length;
        total += chunk.length;
        if (size > maxBytes) return 'too large';
        if (total > maxTotal) {
          onTotal();
          const [longest] = reading;
          if (longest) breakOff(longest);
        }
        chunks.push(chunk);
      }
      await turn(size);
      if (!reading.has(request)) throw new Error(needed);
      if (request.socket.destroyed) throw new Error('the client is gone');
      return Buffer.concat(chunks, size);
    } finally {
      reading.delete(request);
      total -= size;
    }
  };
}
