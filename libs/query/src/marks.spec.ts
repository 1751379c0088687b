import { expect, it } from 'vitest';
import { Engine } from './engine.ts';
import { defineQuery, type Reads } from './query.ts';
import { Store } from './store.ts';
import { Subject } from './subject.ts';

const all = defineQuery('all', (view: Reads, _key: string) =>
  view.list('things').map((key) => view.get('things', key as string)),
);
const one = defineQuery('one', (view: Reads, key: string) => [view.get('things', key), view.query(all, '').length]);
const names = Array.from({ length: 20 }, (_, i) => `t${i}`);

it('finds what reads a value, but not through results that many depend on', () => {
  const engine = new Engine(new Store({ things: {} }));
  engine.apply(names.map((key) => ({ collection: 'things', key, value: key })));
  const subject = new Subject({});
  for (const name of names) engine.watch(one, name, subject);
  const readers = (dependents: number, results = 100) =>
    engine.readersOf([{ kind: 'value', collection: 'things', key: 't3' }], { dependents, results });
  const named = ({ results }: ReturnType<typeof readers>): string[] =>
    [...results].map(({ query, key }) => `${query.name} ${String(key)}`).sort();
  expect(named(readers(10))).toEqual(['all ', 'one t3']);
  expect(readers(10).hubs.map(({ query }) => query.name)).toEqual(['all']);
  expect([named(readers(20)).length, readers(20).hubs]).toEqual([21, []]);
  expect(named(readers(20, 5)).length).toBe(5);
  expect(
    named(
      engine.readersOf([{ kind: 'value', collection: 'things', key: 'none' }] as never, { dependents: 1, results: 1 }),
    ),
  ).toEqual([]);
});
