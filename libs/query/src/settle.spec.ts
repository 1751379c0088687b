import { describe, expect, it } from 'vitest';
import { defineQuery, Engine, Store, Subject, type Reads } from './index.ts';

const newEngine = (): Engine => new Engine(new Store({ flags: {} }));
const flag = (key: string, value: unknown) => ({ collection: 'flags', key, value });

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
