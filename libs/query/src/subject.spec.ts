import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { defineQuery, Engine, Store, Subject, type Reads } from './index.ts';
import { attribute, knownSignatures, noAttributes, union } from './subject.ts';

describe('signatures', () => {
  it('of the same attributes are one object, in whatever order they were read', () => {
    const [a, b, c] = ['a', 'b', 'labels.c'].map(attribute) as [
      typeof noAttributes,
      typeof noAttributes,
      typeof noAttributes,
    ];
    expect(union(union(a, b), c)).toBe(union(c, union(b, a)));
    expect([union(a, noAttributes), union(noAttributes, a), union(a, a)]).toEqual([a, a, a]);
    expect(union(a, c)).not.toBe(union(a, b));
  });

  it('and their values are let go of with the last result that has them, while the subject stays', async () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    // As selectors of configuration name labels: 4,000 that were ever named, one of them at a time.
    const selected = defineQuery('selected', (view: Reads, _key: string) => [
      view.attr('namespace'),
      view.attr(`labels.${String(view.get('selectors', 'a'))}`),
    ]);
    const engine = new Engine(new Store({ selectors: {} }));
    const subject = new Subject({ namespace: 'shop', labels: {} });
    engine.watch(selected, '', subject);
    const before = knownSignatures();
    for (let i = 0; i < 4000; i += 1) {
      engine.apply([{ collection: 'selectors', key: 'a', value: `label-${i}` }]);
      engine.collect();
      if (i % 500 === 0) {
        await setImmediate();
        collectGarbage();
      }
    }
    expect(engine.stats.entries).toBe(1);
    // Each would be two: of the label alone, and with the namespace.
    expect(knownSignatures() - before).toBeLessThan(4000);
    expect(engine.read(selected, '', subject)).toEqual(['shop', undefined]);
  });
});
