import { describe, expect, it } from 'vitest';
import { defineQuery, Engine, Store, Subject, type Reads, type StoreKey } from './index.ts';

const newEngine = (): Engine => new Engine(new Store({ items: { tag: (item: string) => [item] }, flags: {} }));
const put = (key: string, value: string | undefined) => ({ collection: 'items', key, value });
const flag = (key: string, value: unknown) => ({ collection: 'flags', key, value });
const value = defineQuery('value', (view: Reads, key: StoreKey) => view.get('flags', key));
const names = defineQuery('names', (view: Reads, _key: string) => view.list('items').join());
const tagged = defineQuery('tagged', (view: Reads, tag: string) => view.index('items', 'tag', tag).join());
const runs = ({ stats }: Engine): unknown => Object.fromEntries(stats.runs);
const subject = new Subject({});

describe('changes that come to nothing', () => {
  it('run no query, when one step writes a value and writes it back', () => {
    const engine = newEngine();
    engine.apply([flag('a', 1)]);
    engine.watch(value, 'a', subject);
    engine.resetStats();
    expect(engine.apply([flag('a', 2), flag('a', 1)]).size).toBe(0);
    expect(runs(engine)).toEqual({});
  });

  it('run no query over names, when one step replaces a value by way of removing it', () => {
    const engine = newEngine();
    engine.apply([put('a', 'red'), put('b', 'red')]);
    engine.watch(names, '', subject);
    engine.watch(tagged, 'red', subject);
    engine.resetStats();
    expect(engine.apply([put('a', undefined), put('a', 'red')]).size).toBe(0);
    expect(runs(engine)).toEqual({});
  });

  it('do not change a watch, even if something has read the values in between', () => {
    const engine = newEngine();
    engine.apply([flag('a', 1)]);
    const watch = engine.watch(value, 'a', subject);
    engine.begin([flag('a', 2)]);
    expect(engine.read(value, 'a', subject)).toBe(2);
    engine.begin([flag('a', 1)]);
    expect(engine.settle()).toEqual(new Set());
    expect(watch.outcome).toEqual({ value: 1 });
  });
});

describe('watches of changes that are not settled', () => {
  it('may end before they are', () => {
    const engine = newEngine();
    const watch = engine.watch(value, 'a', subject);
    engine.begin([flag('a', 1)]);
    engine.unwatch(watch);
    engine.resetStats();
    expect(engine.settle()).toEqual(new Set());
    expect(runs(engine)).toEqual({});
  });
});

describe('watches of one result', () => {
  const greeting = defineQuery('greeting', (view: Reads, _key: string) =>
    view.get('flags', 'personal') ? `hello ${String(view.attr('name'))}` : 'hello all',
  );

  it('part when it comes to depend on an attribute, and only those change that see another value', () => {
    const engine = newEngine();
    const [all, ada] = ['all', 'ada'].map((name) => engine.watch(greeting, '', new Subject({ name })));
    expect(all?.entry).toBe(ada?.entry);
    expect([...engine.apply([flag('personal', true)])]).toEqual([ada]);
    expect([all?.outcome, ada?.outcome]).toEqual([{ value: 'hello all' }, { value: 'hello ada' }]);
    expect([...engine.apply([flag('personal', false)])]).toEqual([ada]);
    expect(all?.entry).toBe(ada?.entry);
    engine.collect();
    expect(engine.stats.entries).toBe(1);
  });
});

describe('what a result no longer reads', () => {
  const chosen = defineQuery('chosen', (view: Reads, _key: string) =>
    view.get('flags', 'all') ? view.query(names, '') : view.query(tagged, 'red'),
  );

  it('is evicted, and its changes concern nobody', () => {
    const engine = newEngine();
    engine.apply([flag('all', true), put('a', 'red')]);
    const watch = engine.watch(chosen, '', subject);
    expect([...engine.apply([flag('all', false)])]).toEqual([]);
    engine.collect();
    expect([...engine.results()].map(({ query }) => query)).toEqual(['chosen', 'tagged']);
    engine.resetStats();
    expect([...engine.apply([put('b', 'blue')])]).toEqual([]);
    expect(runs(engine)).toEqual({});
    expect([...engine.apply([put('c', 'red')])]).toEqual([watch]);
  });

  it('leaves nothing of the store behind', () => {
    const engine = newEngine();
    engine.apply([put('a', 'red'), flag('a', 1)]);
    const cells = [
      { kind: 'value', collection: 'flags', key: 'a' },
      { kind: 'list', collection: 'items' },
      { kind: 'index', collection: 'items', index: 'tag', key: 'red' },
    ] as const;
    const watches = [
      engine.watch(value, 'a', subject),
      engine.watch(names, '', subject),
      engine.watch(tagged, 'red', subject),
    ];
    expect(engine.store.nodesOf(cells)).toHaveLength(3);
    for (const watch of watches) engine.unwatch(watch);
    engine.collect();
    expect(engine.store.nodesOf(cells)).toEqual([]);
  });
});

describe('a store', () => {
  const store = (): Store => new Store({ items: { tag: (item: string) => [item] } });

  it('refuses names that it does not have', () => {
    const none = defineQuery('none', (view: Reads, _key: string) => view.index('items', 'none', 'a'));
    expect(() => store().get('none', 'a')).toThrow('unknown collection none');
    expect(() => store().apply([{ collection: 'none', key: 'a', value: 1 }])).toThrow('unknown collection none');
    expect(() => store().onDemand('none', { read: () => {}, left: () => {} })).toThrow('unknown collection none');
    expect(() => new Engine(store()).read(none, '', subject)).toThrow('collection items has no index none');
  });

  it('has a higher revision after each step that changes something', () => {
    const items = store();
    const steps = [
      [put('a', 'red'), put('b', 'red')],
      [put('a', 'red')],
      [],
      [put('b', undefined)],
      [put('b', undefined)],
    ];
    expect(steps.map((step) => [items.apply(step), items.revision][1])).toEqual([1, 1, 1, 2, 2]);
  });

  it('is copied with its values, and neither sees what is written to the other', () => {
    const items = store();
    items.apply([put('a', 'red'), put('b', 'blue')]);
    const copy = items.copy();
    copy.apply([put('c', 'red')]);
    items.apply([put('a', 'blue')]);
    const tagsOf = (filed: Store): string[] =>
      ['red', 'blue'].map((tag) => new Engine(filed).read(tagged, tag, subject));
    expect([copy.keys('items'), copy.get('items', 'a'), tagsOf(copy)]).toEqual([['a', 'b', 'c'], 'red', ['a,c', 'b']]);
    expect([items.keys('items'), items.get('items', 'a'), tagsOf(items)]).toEqual([['a', 'b'], 'blue', ['', 'a,b']]);
  });
});
