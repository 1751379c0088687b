import { describe, expect, it } from 'vitest';
import { checkAgainstScratch, defineQuery, Engine, Store, Subject, type Reads } from './index.ts';

describe('the checking mode', () => {
  /** What queries should not read, as nothing tells the engine when it changes. */
  let outside: unknown;
  const impure = defineQuery('impure', (_view: Reads, _key: string) => {
    if (outside instanceof Error) throw outside;
    return outside;
  });
  const rig = (query = impure) => {
    outside = 'first';
    const engine = new Engine(new Store({}));
    engine.watch(query, 'k', new Subject({}));
    expect(checkAgainstScratch(engine)).toEqual([]);
    return engine;
  };

  it('finds a result that depends on something that it has not read', () => {
    const engine = rig();
    outside = 'second';
    expect(checkAgainstScratch(engine)).toEqual([
      { query: 'impure', key: 'k', remembered: { value: 'first' }, fresh: { value: 'second' } },
    ]);
  });

  it('finds a failure in the place of a result, and none where both fail alike', () => {
    const engine = rig();
    outside = new Error('broken');
    expect(checkAgainstScratch(engine)).toEqual([
      { query: 'impure', key: 'k', remembered: { value: 'first' }, fresh: { error: 'Error: broken' } },
    ]);
    const failing = new Engine(new Store({}));
    failing.watch(impure, 'k', new Subject({}));
    expect(checkAgainstScratch(failing)).toEqual([]);
    outside = new Error('broken otherwise');
    expect(checkAgainstScratch(failing)).toHaveLength(1);
  });

  it('leaves it to a query that compares its results which of them are equal', () => {
    const caseless = (a: unknown, b: unknown): boolean => String(a).toLowerCase() === String(b).toLowerCase();
    const engine = rig(defineQuery('caseless', impure.run, { equals: caseless }));
    outside = 'FIRST';
    expect(checkAgainstScratch(engine)).toEqual([]);
    outside = 'second';
    expect(checkAgainstScratch(engine)).toHaveLength(1);
    outside = new Error('broken');
    expect(checkAgainstScratch(engine)).toHaveLength(1);
  });
});
