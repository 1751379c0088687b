import { expect, it } from 'vitest';
import { defineQuery, Engine, Store, Subject, type Reads } from './index.ts';

const subject = new Subject({});
const isEmpty = defineQuery('is-empty', (view: Reads, _: string) => view.isEmpty('items'));
const item = (key: string, value?: number) => ({ collection: 'items', key, value });

it('whether a collection is empty: only its first value and its last one matter', () => {
  const engine = new Engine(new Store({ items: {} }));
  const watch = engine.watch(isEmpty, '', subject);
  const steps = [item('a', 1), item('b', 2), item('a', 3), item('a'), item('b')].map((change) => {
    const forked = engine.fork([change]).read(isEmpty, '', subject);
    return { forked, changed: engine.apply([change]).has(watch), isEmpty: engine.read(isEmpty, '', subject) };
  });
  expect(steps).toEqual([
    { forked: false, changed: true, isEmpty: false },
    { forked: false, changed: false, isEmpty: false },
    { forked: false, changed: false, isEmpty: false },
    { forked: false, changed: false, isEmpty: false },
    { forked: true, changed: true, isEmpty: true },
  ]);
  expect(engine.stats.runs.get('is-empty')).toBe(3);
});
