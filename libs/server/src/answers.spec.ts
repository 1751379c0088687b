import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { createAnswerWriter } from './answers.ts';

it('ends the answer that has been waiting longest when the memory is needed, and none that was taken', async () => {
  const hits: string[] = [];
  const write = createAnswerWriter({ maxTotal: 250, onTotal: () => hits.push('total') });
  const responses = Array.from({ length: 5 }, () => new PassThrough());
  const answer = (i: number): void => write(responses[i] as unknown as ServerResponse, 'é'.repeat(50));
  const gone = (): number[] => responses.flatMap(({ destroyed }, i) => (destroyed ? [i] : []));
  answer(0);
  answer(1);
  expect(gone()).toEqual([]);
  answer(2);
  expect(gone()).toEqual([0]);
  responses[1]?.resume();
  if (responses[1]) await once(responses[1], 'close');
  answer(3);
  expect(hits).toEqual(['total']);
  answer(4);
  expect([gone(), hits]).toEqual([
    [0, 1, 2],
    ['total', 'total'],
  ]);
});

it('writes an answer that is larger than all may be, when it is the only one', () => {
  const hits: string[] = [];
  const write = createAnswerWriter({ maxTotal: 10, onTotal: () => hits.push('total') });
  const response = new PassThrough();
  write(response as unknown as ServerResponse, 'x'.repeat(100));
  expect([response.destroyed, hits]).toEqual([false, []]);
});
