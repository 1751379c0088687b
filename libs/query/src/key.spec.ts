import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Interner } from './interner.ts';
import {
  compareKeys,
  defineKey,
  defineQuery,
  Engine,
  internList,
  Store,
  Subject,
  type KeyOf,
  type Reads,
} from './index.ts';

const hostKey = defineKey<{ readonly hostname: string; readonly namespace: string }>()('hostname', 'namespace');
interface PortFields {
  readonly host: KeyOf<typeof hostKey>;
  readonly port: number;
  readonly subsets?: readonly string[] | undefined;
}
const portKey = defineKey<PortFields>()('host', 'port', 'subsets');

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
/** What a job has looked at weakly lives until the job ends. */
const nextJob = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('keys', () => {
  it('are one object exactly when their fields are equal', () => {
    const text = fc.constantFrom('', 'a', 'b', 'a b', 'a|b', 'a\0b');
    const fields = fc.record({
      hostname: text,
      namespace: text,
      port: fc.constantFrom(0, 80),
      subsets: fc.option(fc.array(text, { maxLength: 3 }), { nil: undefined }),
    });
    const keyOf = ({ hostname, namespace, ...rest }: typeof fields extends fc.Arbitrary<infer F> ? F : never) =>
      portKey({ host: hostKey({ hostname, namespace }), ...rest });
    fc.assert(
      fc.property(fields, fields, (a, b) => {
        expect(keyOf(a)).toBe(keyOf(structuredClone(a)));
        expect(keyOf(a) === keyOf(b)).toBe(JSON.stringify(a) === JSON.stringify(b));
        expect(Math.sign(compareKeys(keyOf(a), keyOf(b)))).toBe(-Math.sign(compareKeys(keyOf(b), keyOf(a))) || 0);
      }),
      { numRuns: 2000 },
    );
  });

  it('do not change, nor do lists in them', () => {
    const subsets = ['v1', 'v2'];
    const key = portKey({ host: hostKey({ hostname: 'a.test', namespace: 'shop' }), port: 80, subsets });
    subsets.push('v3');
    expect([key.port, key.subsets, key.host.hostname]).toEqual([80, ['v1', 'v2'], 'a.test']);
    expect(key.subsets).toBe(internList(['v1', 'v2']));
    expect([key, key.subsets].every((value) => Object.isFrozen(value))).toBe(true);
  });

  it('are printed and ordered field by field', () => {
    const [a, b] = ['shop', 'shop-2'].map((namespace) => hostKey({ hostname: 'a.test', namespace }));
    if (!a || !b) throw new Error('no keys');
    const keys = [
      portKey({ host: a, port: 80 }),
      portKey({ host: a, port: 80, subsets: [] }),
      portKey({ host: a, port: 80, subsets: ['v1'] }),
      portKey({ host: a, port: 80, subsets: ['v1', 'v0'] }),
      portKey({ host: a, port: 443 }),
      portKey({ host: b, port: 9 }),
    ];
    expect([...keys].reverse().sort(compareKeys)).toEqual(keys);
    expect(keys.map(String)).toEqual([
      'a.test shop 80 ',
      'a.test shop 80 []',
      'a.test shop 80 [v1]',
      'a.test shop 80 [v1, v0]',
      'a.test shop 443 ',
      'a.test shop-2 9 ',
    ]);
  });

  it('name results, in logs too', () => {
    const running: (readonly string[])[] = [];
    const engine: Engine = new Engine(new Store({}));
    const ports = defineQuery('ports', (_view: Reads, { host, port }: KeyOf<typeof portKey>) => {
      running.push(engine.running);
      return `${host.hostname}:${port}`;
    });
    const key = () => portKey({ host: hostKey({ hostname: 'a.test', namespace: 'shop' }), port: 80, subsets: ['v1'] });
    expect([engine.read(ports, key(), new Subject({})), engine.read(ports, key(), new Subject({}))]).toEqual([
      'a.test:80',
      'a.test:80',
    ]);
    expect([running, engine.stats.runs.get('ports')]).toEqual([[['ports(a.test shop 80 [v1])']], 1]);
  });

  it('are forgotten once no result uses them', async () => {
    const engine = new Engine(new Store({}));
    const echo = defineQuery('echo', (_view: Reads, { hostname }: KeyOf<typeof hostKey>) => hostname.length);
    const read = (hostname: string): WeakRef<object> => {
      const key = hostKey({ hostname, namespace: 'made-up' });
      engine.read(echo, key, new Subject({}));
      return new WeakRef(key);
    };
    const kept = hostKey({ hostname: 'kept', namespace: 'made-up' });
    engine.watch(echo, kept, new Subject({}));
    const known = Array.from({ length: 1000 }, (_, i) => read(`host-${i}`));
    await nextJob();
    collectGarbage();
    expect(known.filter((key) => key.deref() === undefined)).toHaveLength(0);
    await nextJob();
    engine.collect();
    collectGarbage();
    expect(known.filter((key) => key.deref() !== undefined)).toHaveLength(0);
    expect(hostKey({ hostname: 'kept', namespace: 'made-up' })).toBe(kept);
  });
});

describe('the table of interned objects', () => {
  it('does not grow with objects that nobody holds', async () => {
    const table = new Interner<{ readonly atoms: readonly unknown[] }>(({ atoms }, place) => atoms[place]);
    const add = (atoms: readonly unknown[]) => table.intern(atoms, () => ({ atoms }));
    const held = Array.from({ length: 100 }, (_, i) => add(['held', i]));
    for (let round = 0; round < 6; round += 1) {
      for (let i = 0; i < 1000; i += 1) add([i % 2 === 0 ? 'common' : `made-up-${round}-${i}`, `${round}-${i}`]);
      await nextJob();
      collectGarbage();
    }
    expect(table.size).toBeLessThan(3000);
    expect(held.map((object, i) => add(['held', i]) === object)).not.toContain(false);
  });
});
