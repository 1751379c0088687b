import { describe, expect, it } from 'vitest';
import type { Span } from '../traces.ts';
import { ChangeReport } from './change-report.ts';

const span = (name: string, attributes: Record<string, string>, [start, end] = [0, 0]): Span =>
  ({ traceId: 't', name, start, end, attributes, service: 'pilot' }) as unknown as Span;
const push = (proxy: string, end: number): Span => span('pilot.push', { proxy }, [0, end]);

function reported(spans: readonly Span[]): readonly string[] {
  const lines: string[] = [];
  const report = new ChangeReport({
    nameOf: (path) => (path.startsWith('given/') ? path.slice('given/'.length) : undefined),
    say: (line) => lines.push(line),
  });
  for (const each of spans) report.take(each);
  return lines;
}

describe('the report of changes', () => {
  const read = span('galley.read', { path: 'given/route.yaml' }, [1000, 1001]);
  const queries = span('pilot.queries', { proxies: '2' });

  it('says when the last Envoy has acknowledged', () => {
    expect(reported([read, queries, push('a', 1010)])).toEqual([]);
    expect(reported([read, queries, push('a', 1010), push('a', 1015), push('b', 1012)])).toEqual([
      '  route.yaml: in force at all 2 Envoys that it concerns after 15 ms',
    ]);
  });

  it('takes spans in any order, as services write them', () => {
    expect(reported([push('a', 1010), queries, push('b', 1020), read])).toEqual([
      '  route.yaml: in force at all 2 Envoys that it concerns after 20 ms',
    ]);
  });

  it('says when a change concerns no Envoy', () => {
    expect(reported([read, span('pilot.queries', { proxies: '0' })])).toEqual([
      '  route.yaml: applied; it changes nothing for any Envoy',
    ]);
  });

  it('is quiet about what is not of the user', () => {
    expect(
      reported([span('galley.read', { path: 'kubernetes/pods/web.yaml' }), queries, push('a', 1), push('b', 1)]),
    ).toEqual([]);
  });
});
