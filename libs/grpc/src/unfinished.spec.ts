import { EventEmitter } from 'node:events';
import { constants, type ServerHttp2Stream } from 'node:http2';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Deadlines } from '@flotilla/server';
import { chunkCost, Framing, Unfinished } from './unfinished.ts';

const message = (length: number): Buffer => {
  const bytes = Buffer.alloc(5 + length);
  bytes.writeUInt32BE(length, 1);
  return bytes;
};

describe('framing', () => {
  it('finds the ends of messages, however they are cut', () =>
    fc.assert(
      fc.property(
        fc.array(fc.nat(40), { maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 20 }),
        (lengths, sizes) => {
          const bytes = Buffer.concat(lengths.map(message));
          const ends = lengths.reduce<number[]>((all, length) => [...all, (all.at(-1) ?? 0) + 5 + length], []);
          const framing = new Framing();
          for (let from = 0, i = 0; from < bytes.length; i += 1) {
            const to = Math.min(bytes.length, from + (sizes[i % sizes.length] ?? 1));
            const before = ends.filter((end) => end <= from).length;
            const isNew = framing.read(bytes.subarray(from, to));
            const complete = ends.filter((end) => end <= to).length;
            const begin = ends[complete - 1] ?? 0;
            expect(framing.complete).toBe(complete);
            expect(framing.cost > 0).toBe(to > begin);
            expect(framing.cost % chunkCost).toBe(to - begin);
            expect(isNew).toBe(to > begin && (before !== complete || from === begin));
            from = to;
          }
        },
      ),
    ));

  it('costs more by the chunk', () => {
    const [whole, bytes] = [new Framing(), new Framing()];
    const half = message(200).subarray(0, 105);
    whole.read(half);
    for (const byte of half) bytes.read(Buffer.from([byte]));
    expect([whole.cost, bytes.cost]).toEqual([105 + chunkCost, 105 * (1 + chunkCost)]);
  });
});

/** Room for two calls with a chunk of a few hundred bytes each. */
function rig(maxTotal = 2 * chunkCost + 1000) {
  const deadlines = new Deadlines();
  const hits: string[] = [];
  const unfinished = new Unfinished({ maxTotal, requestTimeout: 5000, deadlines, onLimit: (kind) => hits.push(kind) });
  const open = () => {
    const stream = Object.assign(new EventEmitter(), {
      closed: false,
      code: -1,
      close(code: number) {
        Object.assign(stream, { closed: true, code });
        stream.emit('close');
      },
      write: (bytes: Buffer) => void stream.emit('data', bytes),
    });
    unfinished.follow(stream as unknown as ServerHttp2Stream);
    return stream;
  };
  return { deadlines, hits, open };
}

describe('messages that are not complete', () => {
  it('reset the call that has waited longest when they are too much together', () => {
    const { open, hits } = rig();
    const [first, second, third] = [open(), open(), open()];
    first.write(message(600).subarray(0, 300));
    second.write(message(600).subarray(0, 300));
    expect(hits).toEqual([]);
    third.write(message(600).subarray(0, 300));
    expect([first.code, second.closed, third.closed]).toEqual([constants.NGHTTP2_ENHANCE_YOUR_CALM, false, false]);
    first.write(Buffer.alloc(10_000));
    expect(hits).toEqual(['message_memory']);
  });

  it('cost nothing any more once they are complete, or their call is over', () => {
    const { open, hits } = rig();
    const other = open();
    other.write(message(600).subarray(0, 400));
    for (let i = 0; i < 10; i += 1) {
      const stream = open();
      stream.write(message(600).subarray(0, 300));
      if (i % 2 === 0) stream.write(Buffer.alloc(305));
      else stream.close(0);
    }
    other.write(message(600).subarray(400));
    expect([other.closed, hits]).toEqual([false, []]);
  });

  it('have a time each after the first, which begins again with each new one', () => {
    const { open, hits, deadlines } = rig(10 * chunkCost);
    const [slow, talks] = [open(), open()];
    slow.write(message(10));
    slow.write(message(10).subarray(0, 3));
    talks.write(Buffer.concat([message(10), message(10).subarray(0, 3)]));
    deadlines.advance(4000);
    slow.write(message(10).subarray(3, 4));
    talks.write(Buffer.concat([message(10).subarray(3), message(10).subarray(0, 3)]));
    deadlines.advance(1000);
    expect([slow.code, talks.closed, hits]).toEqual([constants.NGHTTP2_CANCEL, false, ['body_timeout']]);
    talks.write(message(10).subarray(3));
    deadlines.advance(5000);
    expect(talks.closed).toBe(false);
  });
});
