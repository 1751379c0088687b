import { setFlagsFromString } from 'node:v8';
import { setImmediate } from 'node:timers/promises';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  defineQuery,
  Engine,
  ForkEnded,
  type Fork,
  Store,
  Subject,
  type Change,
  type Reader,
  type StoreKey,
  type Reads,
  type ResultInfo,
  type Watch,
} from './index.ts';

interface Item {
  readonly tag: string;
  readonly n: number;
}

const newStore = (): Store => new Store({ items: { tag: (item: Item) => [item.tag] }, teams: {}, flags: {} });
const put = (key: string, tag: string, n: number): Change => ({ collection: 'items', key, value: { tag, n } });
const team = (id: string, name: string | undefined): Change => ({ collection: 'teams', key: id, value: name });
const flag = (key: string, value: boolean | undefined): Change => ({ collection: 'flags', key, value });

const value = defineQuery(
  'value',
  (view: Reads, key: StoreKey) => (view.get('items', key) as Item | undefined)?.n ?? 0,
);
const parity = defineQuery('parity', (view: Reads, key: StoreKey) => view.query(value, key) % 2);
const byTag = defineQuery('by-tag', (view: Reads, tag: string) =>
  view.index('items', 'tag', tag).map((key) => `${key}:${view.query(parity, key)}`),
);
/** Depends on another attribute, or on none, as a flag has it. */
const mine = defineQuery('mine', (view: Reads, _key: string) => {
  if (view.get('flags', 'shared')) return ['everybody'];
  return view.get('flags', 'detailed')
    ? view.query(byTag, String(view.attr('team')))
    : [String(view.attr('namespace')), ...view.list('items')];
});
const strict = defineQuery('strict', (view: Reads, key: string) => {
  if (view.query(value, key) === 0) throw new Error(`no ${key}`);
  return view.query(mine, '').length;
});
/** What a subject's team is now: it is asked for with the other queries as another subject. */
const currentTeam = defineQuery('current-team', (view: Reads, _key: string) =>
  view.get('teams', String(view.attr('id'))),
);

const known = (id: string, namespace: string): Subject => new Subject({ id, namespace });
const asMember = (reader: Reader, subject: Subject): Subject =>
  new Subject({ ...subject.attributes, team: reader.read(currentTeam, '', subject) });

const outcome = (read: () => unknown): unknown => {
  try {
    return read();
  } catch (error) {
    return String(error);
  }
};

/** Everything that a change of the engine would show in. */
const snapshot = (engine: Engine): unknown => ({
  results: [...engine.results()].map((info: ResultInfo) => structuredClone({ ...info, outcome: textOf(info) })),
  runs: [...engine.stats.runs],
  entries: engine.stats.entries,
  inputs: ['items', 'teams', 'flags'].map((name) =>
    engine.store.keys(name).map((key) => [key, engine.store.get(name, key)]),
  ),
});
const textOf = ({
  outcome: { value: result, error },
}: ResultInfo & { outcome: { value?: unknown; error?: unknown } }) =>
  error === undefined ? JSON.stringify(result) : String(error);

interface Rig {
  readonly engine: Engine;
  readonly proxies: readonly Subject[];
  readonly watches: readonly Watch[];
}

/** Proxies with watches, after some changes, and results that nobody watches and that may be stale. */
function rig(history: readonly (readonly Change[])[]): Rig {
  const engine = new Engine(newStore());
  const proxies = [known('p1', 'n1'), known('p2', 'n2'), known('p3', 'n1')];
  const watches = proxies.flatMap((proxy) => {
    const subject = asMember(engine, proxy);
    return [
      engine.watch(currentTeam, '', proxy),
      engine.watch(mine, '', subject),
      engine.watch(strict, 'a', subject),
      engine.watch(byTag, 'red', subject),
    ];
  });
  for (const batch of history) {
    for (const proxy of proxies) outcome(() => engine.read(strict, 'b', proxy));
    engine.apply(batch);
  }
  return { engine, proxies, watches };
}

/** Everything that is asked of an engine after a change, relabelled proxies included. */
const ask = (reader: Reader, { proxies, watches }: Rig): unknown => [
  watches.map(({ query, key, subject }) => outcome(() => reader.read(query, key, subject))),
  proxies.map((proxy) => {
    const subject = asMember(reader, proxy);
    return [outcome(() => reader.read(mine, '', subject)), outcome(() => reader.read(strict, 'c', subject))];
  }),
];
const total = ({ runs }: { readonly runs: ReadonlyMap<string, number> }): number =>
  [...runs.values()].reduce((sum, n) => sum + n, 0);

const key = fc.constantFrom('a', 'b', 'c');
const gone = { nil: undefined };
const change: fc.Arbitrary<Change> = fc.oneof(
  fc.tuple(key, fc.constantFrom('red', 'blue'), fc.nat(3)).map(([name, tag, n]) => put(name, tag, n)),
  key.map((name) => ({ collection: 'items', key: name })),
  fc
    .tuple(fc.constantFrom('p1', 'p2', 'p3'), fc.option(fc.constantFrom('red', 'blue'), gone))
    .map(([id, name]) => team(id, name)),
  fc.tuple(fc.constantFrom('shared', 'detailed'), fc.option(fc.boolean(), gone)).map(([name, is]) => flag(name, is)),
);
const batch = fc.array(change, { maxLength: 4 });

describe('a fork of an engine', () => {
  it('answers as the engine would after the changes, with no more runs, and changes nothing of the engine', () => {
    fc.assert(
      fc.property(fc.array(batch, { maxLength: 6 }), batch, (history, changes) => {
        const [forked, applied] = [rig(history), rig(history)];
        const fresh = new Engine(forked.engine.store.copy());
        fresh.apply(changes);
        const before = snapshot(forked.engine);

        const fork = forked.engine.fork(changes);
        const changed = [...fork.changed()].map((watch) => forked.watches.indexOf(watch));
        const answers = ask(fork, forked);
        expect(snapshot(forked.engine)).toEqual(before);

        applied.engine.resetStats();
        const told = [...applied.engine.apply(changes)].map((watch) => applied.watches.indexOf(watch));
        expect(answers).toEqual(ask(applied.engine, applied));
        expect(answers).toEqual(ask(fresh, forked));
        expect(changed.sort()).toEqual(told.sort());
        expect(total(fork.stats)).toBeLessThanOrEqual(total(applied.engine.stats));
      }),
      { numRuns: 500 },
    );
  });

  it('answers so too when the engine computes other results in between', () => {
    fc.assert(
      fc.property(fc.array(batch, { maxLength: 4 }), batch, fc.array(key), (history, changes, asked) => {
        const used = rig(history);
        const fresh = new Engine(used.engine.store.copy());
        fresh.apply(changes);
        const fork = used.engine.fork(changes);
        for (const name of asked) {
          for (const proxy of used.proxies) {
            outcome(() => used.engine.read(strict, name, proxy));
            const answer = outcome(() => fork.read(strict, name, proxy));
            expect(answer).toEqual(outcome(() => fresh.read(strict, name, proxy)));
          }
          used.engine.collect();
        }
        expect(ask(fork, used)).toEqual(ask(fresh, used));
      }),
    );
  });

  it('runs nothing for what does not depend on the changes, and only what differs for the rest', () => {
    const { engine, watches } = rig([
      [put('a', 'red', 1), put('b', 'red', 2), put('c', 'blue', 3), flag('detailed', true)],
    ]);
    const fork = engine.fork([put('c', 'blue', 5)]);
    expect(fork.changed().size).toBe(0);
    for (const { query, key: asked, subject } of watches) outcome(() => fork.read(query, asked, subject));
    expect(Object.fromEntries(fork.stats.runs)).toEqual({});
    const other = engine.fork([put('b', 'red', 4)]);
    expect(other.changed().size).toBe(0);
    // parity comes out equal: what read it is not run again.
    expect(Object.fromEntries(other.stats.runs)).toEqual({ value: 1, parity: 1 });
  });

  it('holds what changes, and not a copy of all values', () => {
    const engine = new Engine(newStore());
    let filed = 0;
    const store = new Store({ items: { tag: (item: Item) => ((filed += 1), [item.tag]) } });
    const many = new Engine(store);
    many.apply(Array.from({ length: 1000 }, (_, i) => put(`i${i}`, 'red', i)));
    filed = 0;
    const fork = many.fork([put('i7', 'blue', 7)]);
    expect(filed).toBe(2);
    expect(fork.read(byTag, 'blue', new Subject({}))).toEqual(['i7:1']);
    expect(many.read(byTag, 'blue', new Subject({}))).toEqual([]);
    expect(engine.stats.entries).toBe(0);
  });

  it('ends when the engine changes, and says so; a change that changes nothing does not end it', () => {
    const engine = new Engine(newStore());
    engine.apply([put('a', 'red', 1)]);
    const fork = engine.fork([put('a', 'red', 2)]);
    engine.apply([put('a', 'red', 1)]);
    expect(fork.read(value, 'a', new Subject({}))).toBe(2);
    engine.apply([put('b', 'red', 1)]);
    expect(() => fork.read(value, 'a', new Subject({}))).toThrow(ForkEnded);
    expect(() => fork.changed()).toThrow('the engine has changed since it was forked');
  });

  it('takes of a collection on demand what the engine would take, and does not ask for more', () => {
    const store = newStore();
    const heard: string[] = [];
    store.onDemand('items', { read: (name) => void heard.push(String(name)), left: () => {} });
    const engine = new Engine(store);
    const subject = new Subject({});
    engine.watch(value, 'a', subject);
    const fork = engine.fork([put('a', 'red', 4), put('b', 'red', 5)]);
    expect([fork.read(value, 'a', subject), fork.read(value, 'b', subject)]).toEqual([4, 0]);
    expect(heard).toEqual(['a']);
  });

  it('names a cycle that only the changes close', () => {
    const there: { name: string; run: (view: Reads, name: string) => number } = {
      name: 'there',
      run: (view, name) => view.query(back, name) + 1,
    };
    const back: typeof there = {
      name: 'back',
      run: (view, name) => (view.get('flags', 'back') ? view.query(there, name) : 0),
    };
    const engine = new Engine(newStore());
    const subject = new Subject({});
    expect(engine.read(there, 'k', subject)).toBe(1);
    const fork = engine.fork([flag('back', true)]);
    expect(() => fork.read(there, 'k', subject)).toThrow('queries depend on themselves');
    expect([engine.read(there, 'k', subject), fork.running]).toEqual([1, []]);
  });

  it('leaves nothing behind when it is let go of, used or not', async () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    const { engine, watches } = rig([[put('a', 'red', 1), flag('detailed', true)]]);
    const forks = [false, true].map((isUsed) => {
      const fork = engine.fork([put('a', 'red', 2), team('p1', 'red')]);
      if (isUsed) for (const { query, key: asked, subject } of watches) outcome(() => fork.read(query, asked, subject));
      return new WeakRef(fork);
    });
    const isLeft = (fork: WeakRef<Fork>): boolean => fork.deref() !== undefined;
    // What a WeakRef has been asked for lives until the end of the turn.
    for (let rounds = 0; rounds < 10 && forks.some(isLeft); rounds += 1) {
      await setImmediate();
      collectGarbage();
    }
    expect(forks.filter(isLeft)).toEqual([]);
    expect(engine.stats.entries).toBeGreaterThan(0);
  });
});
