import { describe, expect, it } from 'vitest';
import { createState, step, type Effect, type Event, type Protocol, type Resource, type Source } from './index.ts';

const protocol: Protocol = {
  order: ['cds', 'eds', 'lds', 'rds'],
  whole: new Set(['cds', 'lds']),
  follows: [
    { after: 'cds', type: 'eds', sameName: true },
    { after: 'lds', type: 'rds', sameName: false },
  ],
  limits: { namesPerType: 100_000, names: 200_000, namesPerStep: 100_000 },
};
const none = new Map<string, string>();
const delta = (typeUrl: string, subscribe: readonly string[], unsubscribe: readonly string[] = []): Event => ({
  kind: 'delta',
  typeUrl,
  subscribe,
  unsubscribe,
  nonce: '',
  initialVersions: none,
});

/** What runs touch: every call of a method of any Map or Set, and every element that is iterated. */
function countOperations(run: () => void): number {
  let count = 0;
  const iterators = [new Map().entries(), new Set().values()].map(
    (iterator) => Object.getPrototypeOf(iterator) as object,
  );
  const undo: (() => void)[] = [];
  for (const [prototype, methods] of [
    [Map.prototype, ['get', 'set', 'has', 'delete']],
    [Set.prototype, ['add', 'has', 'delete']],
    ...iterators.map((one) => [one, ['next']]),
  ] as [Record<string, unknown>, string[]][]) {
    for (const method of methods) {
      const original = prototype[method] as (...args: unknown[]) => unknown;
      prototype[method] = function counted(...args: unknown[]) {
        count += 1;
        return original.apply(this, args);
      };
      undo.push(() => {
        prototype[method] = original;
      });
    }
  }
  try {
    run();
  } finally {
    for (const one of undo) one();
  }
  return count;
}

/** A stream whose source counts its reads; `all` costs what it answers. */
function open(counts: Readonly<Record<string, number>> = {}) {
  const state = createState();
  let reads = 0;
  const resources = Object.fromEntries(
    Object.entries(counts).map(([type, count]) => [
      type,
      new Map(
        Array.from({ length: count }, (_, i): [string, Resource] => [
          `${type}-${i}`,
          { name: `${type}-${i}`, version: '1', bytes: new Uint8Array() },
        ]),
      ),
    ]),
  );
  const source: Source = {
    all: (type) => {
      const answer = [...(resources[type]?.values() ?? [])];
      reads += answer.length;
      return answer;
    },
    get: (type, name) => {
      reads += 1;
      return resources[type]?.get(name);
    },
  };
  const take = (event: Event): readonly Effect[] => step(state, event, { source, protocol });
  /** The most that one of these requests cost. */
  const dearest = (events: readonly Event[]): number => {
    let most = 0;
    for (const event of events) {
      reads = 0;
      most = Math.max(most, countOperations(() => take(event)) + reads);
    }
    return most;
  };
  return { state, take, dearest };
}
const names = (count: number, prefix = 'name'): string[] => Array.from({ length: count }, (_, i) => `${prefix}-${i}`);
const each = (count: number, eventOf: (i: number) => Event): Event[] =>
  Array.from({ length: count }, (_, i) => eventOf(i));
/**
 * What a request of one name may cost; a stream that has 18,000 names would cost thousands if any of them were walked.
 */
const few = 100;

describe('a request costs what is in it, on a stream that has 18,000 names', () => {
  it.each(['eds', 'rds'])('that subscribes to one more (%s)', (type) => {
    const { take, dearest, state } = open();
    take(delta(type, names(18_000)));
    expect(dearest(each(1500, (i) => delta(type, [`more-${i}`])))).toBeLessThan(few);
    expect(state.subscriptions.get(type)?.names.size).toBe(19_500);
  });

  it('that unsubscribes from names, known and unknown', () => {
    const { take, dearest, state } = open();
    take(delta('eds', names(18_000)));
    expect(dearest(each(1500, (i) => delta('eds', [], [i % 2 === 0 ? `name-${i}` : `unknown-${i}`])))).toBeLessThan(
      few,
    );
    expect(state.subscriptions.get('eds')?.names.size).toBe(18_000 - 750);
  });

  it('that is of a type that is not served, and leaves nothing behind', () => {
    const { take, dearest, state } = open();
    take(delta('eds', names(18_000)));
    expect(dearest(each(5000, (i) => delta(`type-${i}`, ['a'])))).toBeLessThan(few);
    expect(state.subscriptions.size).toBe(1);
  });

  it('that acknowledges, or has an old nonce', () => {
    const { take, dearest } = open({ eds: 18_000 });
    const nonce =
      take(delta('eds', names(18_000, 'eds')))
        .flatMap((effect) => (effect.kind === 'send' ? effect.nonce : []))
        .at(-1) ?? '';
    const acknowledgement = (of: string): Event => ({
      kind: 'delta',
      typeUrl: 'eds',
      subscribe: [],
      unsubscribe: [],
      nonce: of,
      initialVersions: none,
    });
    expect(take(acknowledgement(nonce))).toEqual([{ kind: 'acked', typeUrl: 'eds', nonce }]);
    expect(dearest(each(1000, (i) => acknowledgement(i % 2 === 0 ? nonce : 'old')))).toBeLessThan(few);
  });

  it('that repeats the very list, in SotW', () => {
    const { take, dearest } = open({ eds: 18_000 });
    const list = names(18_000, 'eds');
    const nonce =
      take({ kind: 'sotw', typeUrl: 'eds', names: list, nonce: '' })
        .flatMap((effect) => (effect.kind === 'send' ? effect.nonce : []))
        .at(-1) ?? '';
    expect(dearest(each(1000, () => ({ kind: 'sotw', typeUrl: 'eds', names: list, nonce })))).toBeLessThan(few);
  });

  it('that asks for one of all the clusters that it has, or for all of them again', () => {
    const { take, dearest } = open({ cds: 5000, eds: 5000 });
    take(delta('cds', []));
    take(delta('eds', names(5000, 'cds')));
    expect(
      dearest(each(500, (i) => delta('cds', [i % 3 === 0 ? '*' : i % 3 === 1 ? `cds-${i}` : `unknown-${i}`]))),
    ).toBeLessThan(few);
  });

  it('that brings routes with a listener: only those that there are', () => {
    const { take, dearest } = open({ lds: 10, rds: 10 });
    take(delta('lds', []));
    take(delta('rds', [...names(18_000), ...names(10, 'rds')]));
    expect(
      dearest(each(500, (i) => (i % 2 === 0 ? delta('lds', [], ['lds-1']) : delta('lds', ['lds-1'])))),
    ).toBeLessThan(4 * few);
  });
});
