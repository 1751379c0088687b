import { describe, expect, it } from 'vitest';
import { defaultBounds } from '../attack.ts';
import type { Sample } from '../witness/orders.ts';
import { judgeAnswers, judgeSamples } from './judge.ts';

const sample = (more: Partial<Sample>): Sample => ({
  what: 'health',
  who: 'pilot',
  began: 0,
  ended: 1,
  ms: 10,
  ...more,
});
const judge = (samples: readonly Sample[], disturbed: readonly string[] = []): string[] =>
  judgeSamples({ samples, bounds: defaultBounds, disturbed: new Set(disturbed) });

describe('samples', () => {
  it('within the bounds are no problem', () =>
    expect(judge([sample({}), sample({ what: 'sidecar', ms: 2900 })])).toEqual([]));
  it('outside of them are told once, by the worst', () => {
    expect(judge([sample({ ms: 1200 }), sample({ ms: 7000 }), sample({ ms: 1100 })])).toEqual([
      '/healthz/live of pilot: expected an answer within 1.0 s; saw one after 7.0 s',
    ]);
  });
  it('that fail at once are a problem; that were late because there was no core are none', () => {
    expect(judge([sample({ what: 'workload', error: 'refused' })])).toHaveLength(1);
    expect(judge([sample({ what: 'workload', error: 'aborted', isLate: true })])).toEqual([]);
    expect(judge([sample({ what: 'workload', error: 'aborted', isLate: true, ms: 9000 })])).toHaveLength(1);
  });
  it('of what the row disturbs are left out', () =>
    expect(judge([sample({ ms: 9000 }), sample({ what: 'memory', bytes: 2 ** 40 })], ['pilot'])).toEqual([]));
  it('tell of memory that grew', () => {
    const memory = (mb: number): Sample => sample({ what: 'memory', bytes: mb * 2 ** 20 });
    expect(judge([memory(100), memory(400)])).toEqual([]);
    expect(judge([memory(100), memory(900), memory(200)])).toEqual([
      'memory of pilot: expected at most 512 MB more; saw 100 MB grow to 900 MB',
    ]);
  });
});

describe('answers', () => {
  it('may say what is wrong', () =>
    expect(judgeAnswers(['the token has expired at Mon, 12:00:01'], ['secret-token'])).toEqual([]));
  it.each([
    ['-----BEGIN PRIVATE KEY-----'],
    ['x secret-token y'],
    [`Error: no\n    at open (file:///srv/app.ts:12:3)`],
    [`cannot read ${import.meta.dirname}`],
  ])('must not hold %j', (text) => expect(judgeAnswers([text], ['secret-token'])).not.toEqual([]));
});
