import { StreamDecoder } from '@grpc/grpc-js/build/src/stream-decoder.js';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { releaseMessages } from './release-messages.ts';

const framed = (content: Uint8Array): Buffer => {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(content.length, 1);
  return Buffer.concat([head, content]);
};
/** Bytes of buffers that a decoder refers to, the memory behind them included. */
const held = (decoder: StreamDecoder): number =>
  Object.values(decoder as unknown as Record<string, unknown>)
    .flat()
    .filter((value) => Buffer.isBuffer(value))
    .reduce((sum, { length }) => sum + length, 0);

it('keeps nothing of a message that is complete', () => {
  releaseMessages();
  const decoder = new StreamDecoder(-1);
  const message = framed(Buffer.alloc(100_000));
  decoder.write(message.subarray(0, 60_000));
  expect(held(decoder)).toBeGreaterThan(59_000);
  expect(decoder.write(message.subarray(60_000))).toEqual([message]);
  expect(held(decoder)).toBeLessThan(100);
});

it('reads the same messages, however they are cut', () => {
  releaseMessages();
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 }),
      fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 20 }),
      (contents, sizes) => {
        const messages = contents.map(framed);
        const bytes = Buffer.concat(messages);
        const decoder = new StreamDecoder(-1);
        const read: Buffer[] = [];
        for (let start = 0, i = 0; start < bytes.length; i += 1) {
          const end = start + (sizes[i % sizes.length] ?? 1);
          read.push(...decoder.write(bytes.subarray(start, end)));
          start = end;
        }
        expect(read).toEqual(messages);
      },
    ),
  );
});
