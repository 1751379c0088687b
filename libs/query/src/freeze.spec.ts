import { describe, expect, it } from 'vitest';
import { defineQuery, Engine, Store, Subject, type Reads } from './index.ts';

interface Shelf {
  readonly list: string[];
  readonly byName: Map<string, { n: number }>;
  readonly names: Set<string>;
  readonly bytes: Uint8Array;
}

const shelf = defineQuery('shelf', (view: Reads, key: string): Shelf => ({
  list: [String(view.get('items', key))],
  byName: new Map([['a', { n: 1 }]]),
  names: new Set(['a']),
  bytes: new Uint8Array(2),
}));

const changes: Readonly<Record<string, (result: Shelf) => unknown>> = {
  'an array': ({ list }) => list.push('b'),
  'an object in a map': ({ byName }) => Object.assign(byName.get('a') ?? {}, { n: 2 }),
  'a map': ({ byName }) => byName.set('b', { n: 2 }),
  'a set': ({ names }) => names.clear(),
};

describe('results of an engine that freezes them', () => {
  it('are those of every engine in tests that does not say otherwise', () => {
    const engine = new Engine(new Store({ items: {} }));
    expect(() => engine.read(shelf, 'a', new Subject({})).list.push('b')).toThrow(TypeError);
  });

  for (const [name, change] of Object.entries(changes)) {
    it(`refuse a change of ${name}, also by the query that reads them, and in a fork`, () => {
      const engine = new Engine(new Store({ items: {} }), { freezesResults: true });
      const changing = defineQuery('changing', (view: Reads, key: string) => change(view.query(shelf, key)));
      for (const reader of [engine, engine.fork([{ collection: 'items', key: 'a', value: 1 }])]) {
        expect(() => change(reader.read(shelf, 'a', new Subject({})))).toThrow(TypeError);
        expect(() => reader.read(changing, 'a', new Subject({}))).toThrow(TypeError);
      }
    });
  }

  it('are as they were where results are not frozen', () => {
    const engine = new Engine(new Store({ items: {} }), { freezesResults: false });
    for (const change of Object.values(changes)) change(engine.read(shelf, 'a', new Subject({})));
    expect(engine.read(shelf, 'a', new Subject({})).list).toEqual(['undefined', 'b']);
  });
});
