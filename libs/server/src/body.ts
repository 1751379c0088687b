import type { IncomingMessage } from 'node:http';

export interface BodyReaderOptions {
  /** Bytes of one body. */
  readonly maxBytes: number;
  /** Bytes of all bodies that are being read. One more ends the request whose body has been coming longest. */
  readonly maxTotal: number;
  onTotal(): void;
}
export type BodyReader = (request: IncomingMessage) => Promise<Buffer | 'too large'>;

/** Reads bodies of requests into memory, within limits. Rejects when the client breaks off, or is broken off. */
export function createBodyReader({ maxBytes, maxTotal, onTotal }: BodyReaderOptions): BodyReader {
  const reading = new Set<IncomingMessage>();
  let total = 0;
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
          longest?.destroy(new Error('other bodies need the memory'));
        }
        chunks.push(chunk);
      }
      return Buffer.concat(chunks, size);
    } finally {
      reading.delete(request);
      total -= size;
    }
  };
}
