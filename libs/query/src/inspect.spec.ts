import { describe, expect, it } from 'vitest';
import { causesOf, defineQuery, Engine, Store, Subject, type Reads, type Result } from './index.ts';

const store = (): Store => new Store({ items: { tag: (item: { tag: string }) => [item.tag] }, flags: {} });
const put = (key: string, tag: string) => ({ collection: 'items', key, value: { tag } });
const flag = (key: string, value: unknown) => ({ collection: 'flags', key, value });
const names = (inputs: readonly { readonly collection: string; readonly key: unknown }[]): string[] =>
  inputs.map(({ collection, key }) => `${collection}/${String(key)}`);

describe('what an engine remembers', () => {
  const own = defineQuery('own', (view: Reads, tag: string) => [
    view.index('items', 'tag', tag),
    view.list('flags'),
    view.get('flags', 'x'),
    view.attr('namespace'),
  ]);
  const outer = defineQuery('outer', (view: Reads, tag: string) => view.query(own, tag).length);

  it('is shown with what each result was computed from, and what was computed from it', () => {
    const engine = new Engine(store());
    engine.apply([put('a', 'red')]);
    const subject = new Subject({ namespace: 'shop', id: 7 });
    const watch = engine.watch(outer, 'red', subject);
    engine.watch(outer, 'red', subject);
    const place = { key: 'red', attributes: ['namespace'], values: '"shop"' };
    expect(watch.entry.values).toBe('"shop"');
    expect([...engine.results()]).toEqual([
      {
        ...place,
        query: 'own',
        state: 'clean',
        outcome: { value: [['a'], [], undefined, 'shop'] },
        reads: [
          { kind: 'index', collection: 'items', index: 'tag', key: 'red' },
          { kind: 'list', collection: 'flags' },
          { kind: 'value', collection: 'flags', key: 'x' },
        ],
        dependents: [{ ...place, query: 'outer' }],
        watches: 0,
      },
      {
        ...place,
        query: 'outer',
        state: 'clean',
        outcome: { value: 4 },
        reads: [{ ...place, query: 'own' }],
        dependents: [],
        watches: 2,
      },
    ]);
  });

  it('is shown as stale between a change and its settling', () => {
    const engine = new Engine(store());
    engine.watch(outer, 'red', new Subject({ namespace: 'shop' }));
    engine.begin([flag('x', 1)]);
    expect([...engine.results()].map(({ query, state }) => [query, state])).toEqual([
      ['own', 'dirty'],
      ['outer', 'check'],
    ]);
  });
});

describe('the causes of a failure', () => {
  const failure = new Error('no tag');
  const fails = defineQuery('fails', (view: Reads, key: string) => {
    view.get('flags', 'before');
    view.list('items');
    if (view.get('items', key) === undefined) view.get('flags', 'absent');
    throw failure;
  });
  const fine = defineQuery('fine', (view: Reads, key: string) => view.get('items', key));
  const resultOf = (run: (view: Reads, key: string) => unknown): Result => {
    const engine = new Engine(store());
    engine.apply([put('a', 'red'), put('b', 'blue'), flag('before', 1), flag('late', 2)]);
    return engine.watch(defineQuery('asked', run), 'a', new Subject({})).entry;
  };

  it('are the values that the failing query read, the last one first', () => {
    const asked = resultOf((view, key) => [
      view.attempt(fine, 'b'),
      view.attempt(fails, key),
      view.get('flags', 'late'),
    ]);
    expect(names(causesOf(asked, failure, 10))).toEqual(['items/a', 'flags/before']);
  });

  it('are those of the innermost query, where the failure goes through several', () => {
    const through = defineQuery('through', (view: Reads, key: string) => {
      view.get('flags', 'late');
      return view.query(fails, key);
    });
    const asked = resultOf((view, key) => view.query(through, key));
    expect(names(causesOf(asked, failure, 10))).toEqual(['items/a', 'flags/before']);
  });

  it('leave out what does not exist, and stop at the number that was requested', () => {
    const asked = resultOf((view) => view.attempt(fails, 'none'));
    expect(names(causesOf(asked, failure, 10))).toEqual(['flags/before']);
    const both = resultOf((view) => view.attempt(fails, 'a'));
    expect(names(causesOf(both, failure, 1))).toEqual(['items/a']);
    expect(causesOf(both, failure, 0)).toEqual([]);
  });

  it('are all values that were read, where no query failed so; each once, through whichever query', () => {
    const asked = resultOf((view) => [view.query(fine, 'a'), view.query(fine, 'b'), view.get('items', 'a')]);
    expect(names(causesOf(asked, failure, 10))).toEqual(['items/a', 'items/b']);
  });
});
