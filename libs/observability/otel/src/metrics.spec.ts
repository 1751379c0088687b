import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLimits } from '@flotilla/observability-port';
import { createMetrics } from './metrics.ts';

const seriesOf = async (metrics: ReturnType<typeof createMetrics>, name: string): Promise<string[]> =>
  (await metrics.text()).split('\n').filter((line) => line.startsWith(name));

describe('labels', () => {
  it('have the values that were declared, and "other"', async () => {
    const metrics = createMetrics();
    const pushes = metrics.counter('pushes', 'Pushes.', { type: ['cds', 'eds'] });
    for (const type of ['cds', 'eds', 'made-up', 'type.googleapis.com/nothing', '']) pushes.add(1, { type });
    expect(await seriesOf(metrics, 'pushes')).toEqual([
      'pushes{type="cds"} 1',
      'pushes{type="eds"} 1',
      'pushes{type="other"} 3',
    ]);
  });

  it('that come and go are bounded, however many there have been, and never mix up what they count', async () => {
    const atMost = 3;
    const node = fc.integer({ min: 0, max: 9 }).map((n) => `node-${n}`);
    const action = fc.record({ kind: fc.constantFrom('add', 'add', 'remove'), node });
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 60 }), async (actions) => {
        const metrics = createMetrics();
        const rejects = metrics.counter('rejects', 'Rejects.', { node: { atMost } });
        const own = new Map<string, number>();
        let other = 0;
        for (const { kind, node: of } of actions) {
          if (kind === 'remove') {
            rejects.remove({ node: of });
            own.delete(of);
            continue;
          }
          rejects.add(1, { node: of });
          if (own.has(of) || own.size < atMost) own.set(of, (own.get(of) ?? 0) + 1);
          else other += 1;
        }
        const expected = [...own].map(([of, count]) => `rejects{node="${of}"} ${count}`);
        if (other > 0) expected.push(`rejects{node="other"} ${other}`);
        expect((await seriesOf(metrics, 'rejects')).sort()).toEqual(expected.sort());
      }),
      { numRuns: 50 },
    );
  });

  it('that were not declared are a mistake of the program', () => {
    const gauge = createMetrics().gauge('connected', 'Connected.');
    expect(() => gauge.set(1, { node: 'a' })).toThrow(/label node was not declared/);
  });
});

describe('limits', () => {
  it('are one metric of all components, there from the start', async () => {
    const metrics = createMetrics();
    const hit = createLimits(metrics, ['xds_names', 'xds_types']);
    createLimits(metrics, ['connections'])('connections');
    hit('xds_types');
    expect(await seriesOf(metrics, 'limits_hit_total')).toEqual([
      'limits_hit_total{kind="xds_names"} 0',
      'limits_hit_total{kind="xds_types"} 1',
      'limits_hit_total{kind="connections"} 1',
    ]);
  });
});
