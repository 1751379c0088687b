import { describe, expect, it } from 'vitest';
import { changeOf, waterfall, type Span } from './traces.ts';

const span = (name: string, of: Partial<Span>): Span => ({
  name,
  service: 's',
  traceId: 't',
  spanId: name,
  start: 100,
  end: 110,
  attributes: {},
  ...of,
});
const read = span('galley.read', { start: 100, end: 102, attributes: { path: '/state/a.yaml' } });
const queries = span('pilot.queries', { start: 105, attributes: { proxies: 2 } });
const push = (proxy: string, end: number): Span =>
  span('pilot.push', { start: 106, end, attributes: { proxy, type: 'rds' } });

describe('a change', () => {
  it('is complete when each proxy that it concerns has acknowledged all it was sent', () => {
    expect(changeOf([read, queries, push('a', 120)], 'a.yaml', 100)).toBeUndefined();
    const change = changeOf([read, queries, push('a', 120), push('a', 130), push('b', 125)], 'a.yaml', 100);
    expect([...(change?.acknowledged ?? [])]).toEqual([
      ['a', 130],
      ['b', 125],
    ]);
  });

  it("is the file's own and not an earlier one", () => {
    expect(changeOf([read, queries, push('a', 120), push('b', 125)], 'b.yaml', 100)).toBeUndefined();
    expect(changeOf([read, queries, push('a', 120), push('b', 125)], 'a.yaml', 101)).toBeUndefined();
  });

  it('is drawn over its time, one line a span', () => {
    const lines = waterfall([push('sidecar~10.0.0.1~web.shop~d', 120), read], 24);
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(/galley\.read .*━+ .* 0\.0 \+2\.0 ms$/);
    expect(lines[1]).toMatch(/pilot\.push .* 6\.0 \+14\.0 ms rds web\.shop$/);
    expect(
      waterfall(
        Array.from({ length: 30 }, (_, i) => push(String(i), 120)),
        24,
      ).at(-1),
    ).toBe('... and 6 more');
  });
});
