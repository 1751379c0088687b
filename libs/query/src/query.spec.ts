import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  checkAgainstScratch,
  defineQuery,
  Engine,
  QueryCycle,
  Store,
  Subject,
  type Reads,
  type StoreKey,
} from './index.ts';

interface Item {
  readonly tag: string;
  readonly n: number;
}
const newStore = (): Store => new Store({ items: { tag: (item: Item) => [item.tag] }, flags: {} });
const put = (key: string, tag: string, n: number) => ({ collection: 'items', key, value: { tag, n } });

const value = defineQuery(
  'value',
  (view: Reads, key: StoreKey) => (view.get('items', key) as Item | undefined)?.n ?? 0,
);
const parity = defineQuery('parity', (view: Reads, key: StoreKey) => view.query(value, key) % 2);
const byTag = defineQuery('byTag', (view: Reads, tag: string) =>
  view.index('items', 'tag', tag).map((key) => `${key}:${view.query(parity, key)}`),
);
const mine = defineQuery('mine', (view: Reads, _key: string) =>
  view.get('flags', 'detailed')
    ? view.query(byTag, String(view.attr('labels.team')))
    : [String(view.attr('namespace'))],
);

interface Pieces {
  readonly runs: number;
  readonly collecting: boolean;
}
/** Applies changes in pieces of so many runs, and evicts in between. */
function inPieces(engine: Engine, changes: Parameters<Engine['begin']>[0], { runs, collecting }: Pieces) {
  engine.begin(changes);
  for (;;) {
    const changed = engine.settle({ runs });
    if (changed) return changed;
    if (collecting) engine.collect(runs);
  }
}

describe('tracked queries', () => {
  it('runs only what read the changed key, and stops where a result comes out equal', () => {
    const engine = new Engine(newStore());
    engine.apply([put('a', 'x', 1), put('b', 'x', 2), put('c', 'y', 3)]);
    const watch = engine.watch(byTag, 'x', new Subject({}));
    engine.resetStats();
    expect([...engine.apply([put('a', 'x', 5)])]).toEqual([]);
    expect(Object.fromEntries(engine.stats.runs)).toEqual({ value: 1, parity: 1 });
    expect(engine.apply([put('c', 'y', 4)]).size).toBe(0);
    expect([...engine.apply([put('a', 'x', 6)])]).toEqual([watch]);
  });

  it('files a value nowhere in an index that throws for it, says so, and takes everything else', () => {
    const store = newStore();
    const failures: unknown[] = [];
    store.onIndexFailure = ({ collection, key, index, error }) =>
      failures.push([collection, key, index, String(error)]);
    const engine = new Engine(store);
    engine.apply([
      put('a', 'x', 1),
      {
        collection: 'items',
        key: 'odd',
        value: Object.defineProperty({ n: 7 }, 'tag', {
          get: () => {
            throw new Error('no tag');
          },
        }),
      },
      put('b', 'x', 2),
    ]);
    const subject = new Subject({});
    expect([engine.read(byTag, 'x', subject), engine.read(value, 'odd', subject)]).toEqual([['a:1', 'b:0'], 7]);
    expect(failures).toEqual([['items', 'odd', 'tag', 'Error: no tag']]);
    engine.apply([put('odd', 'x', 8)]);
    expect(engine.read(byTag, 'x', subject)).toEqual(['a:1', 'b:0', 'odd:0']);
  });

  it('tells every watch of a shared result that it changed, once', () => {
    const engine = new Engine(newStore());
    engine.apply([put('a', 'x', 1)]);
    const watches = ['n1', 'n2', 'n3'].map((namespace) => engine.watch(value, 'a', new Subject({ namespace })));
    expect(engine.stats.entries).toBe(1);
    expect([...engine.apply([put('a', 'x', 2)])]).toEqual(watches);
    expect(engine.apply([put('a', 'x', 2)]).size).toBe(0);
  });

  it('a collection on demand holds what some result reads, and tells which keys those are', () => {
    const [store, told] = [newStore(), [] as string[]];
    store.onDemand('items', { read: (key) => void told.push(`+${key}`), left: (key) => void told.push(`-${key}`) });
    const engine = new Engine(store);
    engine.apply([put('a', 'x', 1)]);
    expect(store.keys('items')).toEqual([]);
    const [watch, second] = ['n1', 'n2'].map((namespace) => engine.watch(value, 'a', new Subject({ namespace })));
    engine.watch(value, 'b', new Subject({}));
    engine.apply([put('a', 'x', 2), put('b', 'x', 3), put('c', 'x', 4)]);
    expect([told, store.keys('items'), engine.read(value, 'a', new Subject({}))]).toEqual([
      ['+a', '+b'],
      ['a', 'b'],
      2,
    ]);
    if (!watch || !second) throw new Error('no watch');
    engine.unwatch(watch);
    engine.collect();
    expect(told).toEqual(['+a', '+b']);
    engine.unwatch(second);
    engine.collect();
    expect([told, store.keys('items')]).toEqual([['+a', '+b', '-a'], ['b']]);
    engine.apply([put('a', 'x', 5)]);
    expect(engine.read(value, 'a', new Subject({}))).toBe(0);
  });

  it('tracks misses, and lists without their values', () => {
    const engine = new Engine(newStore());
    const names = defineQuery('names', (view: Reads, _: string) => view.list('items').join());
    const watchMiss = engine.watch(value, 'z', new Subject({}));
    const watchNames = engine.watch(names, '', new Subject({}));
    expect(engine.apply([put('z', 'q', 7)])).toEqual(new Set([watchMiss, watchNames]));
    expect([...engine.apply([put('z', 'q', 8)])]).toEqual([watchMiss]);
  });

  it('shares a result between subjects that agree on what it read, and parts them when they no longer do', () => {
    const engine = new Engine(newStore());
    engine.apply([put('a', 'red', 1), put('b', 'blue', 2)]);
    const subjects = ['red', 'blue', 'red'].map(
      (team, i) => new Subject({ namespace: 'shop', id: i, labels: { team } }),
    );
    const watches = subjects.map((subject) => engine.watch(mine, '', subject));
    expect(engine.stats.runs.get('mine')).toBe(1);
    expect([...engine.apply([{ collection: 'flags', key: 'detailed', value: true }])]).toEqual(watches);
    expect(engine.stats.runs.get('mine')).toBe(3);
    expect(subjects.map((subject) => engine.read(mine, '', subject))).toEqual([['a:1'], ['b:0'], ['a:1']]);
  });

  it('takes the same members in another order for another result: readers go through Maps and Sets', () => {
    const engine = new Engine(newStore());
    engine.apply([put('a', 'x', 1), put('b', 'x', 2)]);
    const ranked = defineQuery('ranked', (view: Reads, _: string) => {
      const keys = view.list('items');
      return new Set(view.query(value, 'a') > view.query(value, 'b') ? [...keys].reverse() : keys);
    });
    const names = defineQuery('names', (view: Reads, _: string) => [...view.query(ranked, '')].join());
    const watch = engine.watch(names, '', new Subject({}));
    expect([...engine.apply([put('a', 'x', 5)])]).toEqual([watch]);
    expect(engine.read(names, '', new Subject({}))).toBe('b,a');
  });

  it('remembers a failure until what it read changes', () => {
    const engine = new Engine(newStore());
    const strict = defineQuery('strict', (view: Reads, key: string) => {
      if (!view.get('items', key)) throw new Error(`no ${key}`);
      return key;
    });
    const subject = new Subject({});
    const watch = engine.watch(strict, 'a', subject);
    expect(() => engine.read(strict, 'a', subject)).toThrow('no a');
    expect([...engine.apply([put('a', 'x', 1)])]).toEqual([watch]);
    expect(engine.read(strict, 'a', subject)).toBe('a');
  });

  it('says what is filed and what runs at the moment, outermost first', () => {
    const running: (readonly string[])[] = [];
    const store = new Store({
      items: {
        tag: (item: Item) => {
          running.push(engine.running);
          return [item.tag];
        },
      },
      flags: {},
    });
    const engine: Engine = new Engine(store);
    const inner = defineQuery('inner', (_view: Reads, _key: string) => void running.push(engine.running));
    const outer = defineQuery('outer', (view: Reads, key: string) => view.query(inner, `${key}/1`));
    engine.apply([put('a', 'x', 1)]);
    engine.read(outer, 'a', new Subject({}));
    expect([...running, engine.running]).toEqual([['items a'], ['outer(a)', 'inner(a/1)'], []]);
  });

  it('names a cycle', () => {
    const loop: { name: string; run: (view: Reads, key: string) => number } = {
      name: 'loop',
      run: (view, key) => view.query(loop, key),
    };
    let thrown: unknown;
    try {
      new Engine(newStore()).read(loop, 'k', new Subject({}));
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(QueryCycle);
    expect(thrown).toMatchObject({ path: ['loop(k)', 'loop(k)'] });
  });

  it('keeps a cycle as the outcome of the query at which it closes, until something that was read on the way changes', () => {
    const engine = new Engine(newStore());
    const flag = (isSet: boolean) => ({ collection: 'flags', key: 'back', value: isSet });
    const there: { name: string; run: (view: Reads, key: string) => number } = {
      name: 'there',
      run: (view, key) => view.query(through, key) + 1,
    };
    const through: typeof there = { name: 'through', run: (view, key) => view.query(back, key) };
    const back: typeof there = {
      name: 'back',
      run: (view, key) => (view.get('flags', 'back') ? view.query(there, key) : 0),
    };
    const around = defineQuery('around', (view: Reads, key: string) => {
      try {
        return view.query(there, key);
      } catch (error) {
        return (error as Error).message;
      }
    });
    engine.apply([flag(true)]);
    const subject = new Subject({});
    const watch = engine.watch(around, 'k', subject);
    const message = 'queries depend on themselves';
    expect(engine.read(around, 'k', subject)).toBe(message);
    expect([...engine.apply([flag(false)])]).toEqual([watch]);
    expect(engine.read(around, 'k', subject)).toBe(1);
    expect([...engine.apply([flag(true)])]).toEqual([watch]);
    expect(engine.read(around, 'k', subject)).toBe(message);
    expect(checkAgainstScratch(engine)).toEqual([]);
  });

  it('refuses reads of attributes after the run, like all others', () => {
    const kept: Reads[] = [];
    const keeps = defineQuery('keeps', (view: Reads, _key: string) => kept.push(view));
    new Engine(newStore()).read(keeps, 'k', new Subject({ namespace: 'shop' }));
    expect(() => kept[0]?.attr('namespace')).toThrow('a query kept its view beyond its run');
  });

  it('evicts what no watch reaches', () => {
    const engine = new Engine(newStore());
    engine.apply([put('a', 'x', 1), put('b', 'y', 1)]);
    const kept = engine.watch(byTag, 'x', new Subject({}));
    const left = engine.watch(byTag, 'y', new Subject({}));
    engine.unwatch(left);
    engine.collect();
    expect(engine.stats.entries).toBe(3);
    engine.unwatch(kept);
    engine.collect();
    expect(engine.stats.entries).toBe(0);
  });

  it('equals a computation from scratch after any sequence of changes, and reports every watch that changed', () => {
    const key = fc.constantFrom('a', 'b', 'c', 'd');
    const tag = fc.constantFrom('red', 'blue');
    const change = fc.oneof(
      fc.record({
        collection: fc.constant('items'),
        key,
        value: fc.option(fc.record({ tag, n: fc.nat(5) }), { nil: undefined }),
      }),
      fc.record({
        collection: fc.constant('flags'),
        key: fc.constant('detailed'),
        value: fc.option(fc.constant(true), { nil: undefined }),
      }),
    );
    fc.assert(
      fc.property(
        fc.array(fc.array(change, { maxLength: 4 }), { maxLength: 12 }),
        fc.boolean(),
        fc.constantFrom(Infinity, 1, 2, 3),
        (batches, collecting, runs) => {
          const engine = new Engine(newStore());
          const watches = ['red', 'blue', 'red'].flatMap((team, i) => {
            const subject = new Subject({ namespace: `n${i}`, labels: { team } });
            return [engine.watch(mine, '', subject), engine.watch(byTag, team, subject)];
          });
          const last = watches.map((watch) => JSON.stringify(engine.read(watch.query, watch.key, watch.subject)));
          for (const batch of batches) {
            const changed = inPieces(engine, batch, { runs, collecting });
            expect(checkAgainstScratch(engine)).toEqual([]);
            watches.forEach((watch, i) => {
              const now = JSON.stringify(engine.read(watch.query, watch.key, watch.subject));
              if (now !== last[i]) expect(changed.has(watch)).toBe(true);
              last[i] = now;
            });
            if (collecting) engine.collect();
          }
        },
      ),
    );
  });

  describe('in pieces', () => {
    const items = Array.from({ length: 20 }, (_, i) => put(`i${i}`, 'x', i));
    const subject = new Subject({});

    it('a result goes on where it was interrupted, also when what it has is to be evicted meanwhile', () => {
      const engine = new Engine(newStore());
      engine.apply(items);
      let pieces = 1;
      while (!engine.prepare(byTag, 'x', { subject, runs: 4 })) {
        pieces += 1;
        engine.collect();
      }
      // 20 members of two runs each; its own run began with a piece.
      expect(pieces).toBe(10);
      expect(Object.fromEntries(engine.stats.runs)).toEqual({ value: 20, parity: 20, byTag: 1 });
      engine.resetStats();
      expect(engine.read(byTag, 'x', subject)).toHaveLength(20);
      expect(engine.stats.runs.size).toBe(0);
    });

    it('one that is given up is evicted', () => {
      const engine = new Engine(newStore());
      engine.apply(items);
      expect(engine.prepare(byTag, 'x', { subject, runs: 7 })).toBe(false);
      engine.collect();
      // The last of them was begun, and so came to its end.
      expect(engine.stats.entries).toBe(8);
      engine.collect();
      expect(engine.stats.entries).toBe(0);
    });

    it('a piece is over when its budget is spent, and some of it is done', () => {
      const engine = new Engine(newStore());
      engine.apply(items);
      let pieces = 1;
      while (!engine.prepare(byTag, 'x', { subject, runs: Infinity, isSpent: () => true })) pieces += 1;
      // A member's two runs, of which one needs the other, are one after the other.
      expect(pieces).toBe(20);
    });

    it('eviction goes on where it was, and spares what came to be held meanwhile', () => {
      const engine = new Engine(newStore());
      engine.apply(items);
      const watch = engine.watch(byTag, 'x', subject);
      const other = engine.watch(parity, 'i7', subject);
      engine.unwatch(watch);
      engine.unwatch(other);
      let slices = 1;
      while (!engine.collect(5)) {
        slices += 1;
        if (slices === 2) engine.watch(parity, 'i7', subject);
      }
      expect(slices).toBeGreaterThan(5);
      expect(engine.stats.entries).toBe(2);
      expect(checkAgainstScratch(engine)).toEqual([]);
    });

    it('a query that catches everything has no outcome of an interruption', () => {
      const engine = new Engine(newStore());
      engine.apply(items);
      const catches = defineQuery('catches', (view: Reads, _key: string) =>
        items.map(({ key }) => {
          try {
            return view.query(value, key);
          } catch {
            return 'failed';
          }
        }),
      );
      while (!engine.prepare(catches, '', { subject, runs: 3 }));
      expect(engine.read(catches, '', subject)).toEqual(items.map((_, i) => i));
    });

    it('changes are settled with those that come meanwhile, and read as they are', () => {
      const engine = new Engine(newStore());
      engine.apply(items);
      const watch = engine.watch(byTag, 'x', subject);
      engine.begin(items.map(({ key }, i) => put(key, 'x', i + 1)));
      expect(engine.settle({ runs: 5 })).toBeUndefined();
      engine.begin([put('i0', 'x', 10)]);
      expect((engine.read(byTag, 'x', subject) as string[])[0]).toBe('i0:0');
      expect([...(engine.settle() ?? [])]).toEqual([watch]);
      expect([...(engine.settle() ?? [])]).toEqual([]);
    });
  });
});
