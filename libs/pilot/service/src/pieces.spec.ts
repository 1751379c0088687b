import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { defineQuery, Engine, Store, Subject, type Reads } from '@flotilla/query';
import { createCollector } from './pieces.ts';

const value = defineQuery('value', (view: Reads, key: string) => view.get('items', key));
const list = defineQuery('list', (view: Reads, key: string) =>
  view.list('items').map((item) => view.query(value, `${key} ${String(item)}`)),
);

it('evicts what nobody watches while nothing changes, in slices, and keeps what is watched', async () => {
  const engine = new Engine(new Store({ items: {} }));
  const items = Array.from({ length: 300 }, (_, i) => ({ collection: 'items', key: `item-${i}`, value: i }));
  engine.apply(items);
  const subject = new Subject({});
  const kept = engine.watch(list, 'kept', subject);
  const { entries } = engine.stats;
  const collectSoon = createCollector(engine);
  // More than a slice evicts at once.
  const released = Array.from({ length: 100 }, (_, i) => engine.watch(list, `gone-${i}`, subject));
  expect(engine.stats.entries).toBe(101 * 301);
  for (const watch of released) {
    engine.unwatch(watch);
    collectSoon();
  }
  expect(engine.stats.entries).toBe(101 * 301);
  const seen: number[] = [];
  for (; engine.stats.entries > entries; await setImmediate()) seen.push(engine.stats.entries);
  expect(new Set(seen).size).toBeGreaterThan(1);
  expect(engine.stats.entries).toBe(301);
  engine.resetStats();
  expect(engine.read(list, 'kept', subject)).toHaveLength(300);
  expect([...engine.stats.runs.values()]).toEqual([]);
  engine.unwatch(kept);
  collectSoon();
  for (; engine.stats.entries > 0; await setImmediate());
});
