import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createState, step, type Effect, type Event, type Protocol, type Resource, type Source } from './index.ts';

const protocol: Protocol = {
  order: ['cds', 'eds'],
  whole: new Set(['cds']),
  follows: [{ after: 'cds', type: 'eds', sameName: true }],
  limits: { namesPerType: 10, names: 12, namesPerStep: 100 },
};
type World = { cds: Record<string, string>; eds: Record<string, string> };
const resource = (name: string, version: string): Resource => ({
  name,
  version,
  bytes: Buffer.from(`${name}=${version}`),
});
const sourceOf = (world: World): Source => ({
  all: (type) => Object.entries(world[type as keyof World]).map(([name, version]) => resource(name, version)),
  get: (type, name) => {
    const version = world[type as keyof World][name];
    return version === undefined ? undefined : resource(name, version);
  },
});
const sends = (effects: readonly Effect[]) => effects.filter((effect) => effect.kind === 'send');

/** A client as Envoy is one: it acknowledges all, and asks for the endpoints of the clusters it has. */
class Client {
  readonly state = createState();
  readonly held: Record<string, Record<string, string>> = { cds: {}, eds: {} };
  readonly nonces: Record<string, string> = { cds: '', eds: '' };
  readonly variant: 'sotw' | 'delta';
  #asked = new Set<string>();
  readonly #world: World;

  constructor(variant: 'sotw' | 'delta', world: World) {
    this.variant = variant;
    this.#world = world;
  }

  event(event: Event): void {
    const effects = step(this.state, event, { source: sourceOf(this.#world), protocol });
    for (const { typeUrl, resources, removed, nonce } of sends(effects)) {
      const held = this.held[typeUrl] as Record<string, string>;
      if (this.variant === 'sotw' && typeUrl === 'cds') for (const name of Object.keys(held)) delete held[name];
      for (const { name, version } of resources) held[name] = version;
      for (const name of removed) delete held[name];
      this.nonces[typeUrl] = nonce;
      this.acknowledge(typeUrl);
    }
  }

  acknowledge(typeUrl: string): void {
    const nonce = this.nonces[typeUrl] ?? '';
    const clusters = Object.keys(this.held['cds'] ?? {});
    if (this.variant === 'sotw') {
      this.event({ kind: 'sotw', typeUrl, nonce, names: typeUrl === 'cds' ? [] : clusters });
      if (typeUrl === 'cds')
        this.event({ kind: 'sotw', typeUrl: 'eds', nonce: this.nonces['eds'] ?? '', names: clusters });
      return;
    }
    const empty = { initialVersions: new Map<string, string>(), subscribe: [], unsubscribe: [] };
    this.event({ kind: 'delta', typeUrl, nonce, ...empty });
    if (typeUrl !== 'cds') return;
    const subscribe = clusters.filter((name) => !this.#asked.has(name));
    const unsubscribe = [...this.#asked].filter((name) => !clusters.includes(name));
    this.#asked = new Set(clusters);
    for (const name of unsubscribe) delete this.held['eds']?.[name];
    if (subscribe.length + unsubscribe.length > 0)
      this.event({
        kind: 'delta',
        typeUrl: 'eds',
        nonce: '',
        initialVersions: new Map<string, string>(),
        subscribe,
        unsubscribe,
      });
  }

  start(): void {
    if (this.variant === 'sotw') this.event({ kind: 'sotw', typeUrl: 'cds', nonce: '', names: [] });
    else
      this.event({
        kind: 'delta',
        typeUrl: 'cds',
        nonce: '',
        initialVersions: new Map<string, string>(),
        subscribe: [],
        unsubscribe: [],
      });
  }
}

describe('an xDS stream', () => {
  for (const variant of ['sotw', 'delta'] as const) {
    it(`brings a client to what the server has, after any changes (${variant})`, () => {
      const name = fc.constantFrom('a', 'b', 'c');
      const change = fc.record({
        type: fc.constantFrom('cds' as const, 'eds' as const),
        name,
        version: fc.option(fc.constantFrom('1', '2', '3'), { nil: undefined }),
      });
      fc.assert(
        fc.property(fc.array(fc.array(change, { maxLength: 3 }), { maxLength: 10 }), (rounds) => {
          const world: World = { cds: { a: '1' }, eds: { a: '1', b: '1', c: '1' } };
          const client = new Client(variant, world);
          client.start();
          for (const round of rounds) {
            for (const { type, name: of, version } of round) {
              if (version === undefined && type === 'cds') delete world[type][of];
              else if (version !== undefined) world[type][of] = version;
            }
            const named = new Map<string, Set<string>>();
            for (const { type, name: of } of round) named.set(type, (named.get(type) ?? new Set()).add(of));
            client.event({ kind: 'changed', types: named });
            expect(client.held['cds']).toEqual(world.cds);
            for (const cluster of Object.keys(world.cds))
              expect(client.held['eds']?.[cluster]).toBe(world.eds[cluster]);
          }
        }),
      );
    });

    it(`sends the endpoints of a changed cluster again, and of no other (${variant})`, () => {
      const world: World = { cds: { a: '1', b: '1' }, eds: { a: '1', b: '1' } };
      const client = new Client(variant, world);
      client.start();
      world.cds['a'] = '2';
      const effects = step(
        client.state,
        { kind: 'changed', types: new Map([['cds', 'all' as const]]) },
        { source: sourceOf(world), protocol },
      );
      expect(sends(effects).map(({ typeUrl, resources }) => [typeUrl, resources.map(({ name }) => name)])).toEqual([
        ['cds', variant === 'sotw' ? ['a', 'b'] : ['a']],
        ['eds', ['a']],
      ]);
    });
  }

  const connected = (): Client => {
    const client = new Client('sotw', { cds: { a: '1' }, eds: { a: '1' } });
    client.start();
    return client;
  };
  const context = { source: sourceOf({ cds: { a: '1' }, eds: { a: '1' } }), protocol };

  it('sends nothing when nothing differs, and takes an answer that a later response has overtaken as no more than that', () => {
    const { state } = connected();
    expect(
      step(
        state,
        {
          kind: 'changed',
          types: new Map([
            ['cds', 'all' as const],
            ['eds', 'all' as const],
          ]),
        },
        context,
      ),
    ).toEqual([]);
    for (const names of [[], ['a', 'new']])
      expect(step(state, { kind: 'sotw', typeUrl: 'cds', nonce: 'old', names }, context)).toEqual([
        { kind: 'acked', typeUrl: 'cds', nonce: 'old' },
      ]);
    expect(step(state, { kind: 'sotw', typeUrl: 'cds', nonce: 'old', names: [], error: 'no' }, context)).toEqual([
      { kind: 'rejected', typeUrl: 'cds', nonce: 'old', error: 'no' },
    ]);
  });

  it('tells a refusal with its message, bounded', () => {
    const client = connected();
    const effects = step(
      client.state,
      { kind: 'sotw', typeUrl: 'cds', nonce: client.nonces['cds'] ?? '', names: [], error: 'x'.repeat(5000) },
      context,
    );
    expect(effects).toEqual([
      { kind: 'rejected', typeUrl: 'cds', nonce: client.nonces['cds'], error: 'x'.repeat(2048) },
    ]);
  });

  it('refuses a client that asks for too many names', () => {
    const names = Array.from({ length: 11 }, (_, i) => String(i));
    expect(step(createState(), { kind: 'sotw', typeUrl: 'eds', nonce: '', names }, context)).toEqual([
      { kind: 'refuse', limit: 'xds_names_per_type', message: 'more than 10 names of eds on one stream' },
    ]);
  });

  it.each(['sotw', 'delta'] as const)('takes nothing away that is unavailable for a while (%s)', (variant) => {
    const world: World = { cds: { a: '1', b: '1' }, eds: { a: '1', b: '1' } };
    const client = new Client(variant, world);
    client.start();
    world.eds['b'] = '2';
    const source: Source = {
      ...sourceOf(world),
      get: (type, name) => (name === 'a' ? 'unavailable' : sourceOf(world).get(type, name)),
    };
    const effects = step(
      client.state,
      { kind: 'changed', types: new Map([['eds', 'all' as const]]) },
      { source, protocol },
    );
    expect(sends(effects).map(({ resources, removed }) => [resources.map(({ name }) => name), removed])).toEqual([
      [['b'], []],
    ]);
    expect(
      step(
        client.state,
        { kind: 'changed', types: new Map([['eds', 'all' as const]]) },
        { source: sourceOf(world), protocol },
      ),
    ).toEqual([]);
  });

  it('answers a name that is newly asked for, though unknown', () => {
    const effects = step(
      createState(),
      {
        kind: 'delta',
        typeUrl: 'eds',
        nonce: '',
        initialVersions: new Map<string, string>(),
        subscribe: ['ghost'],
        unsubscribe: [],
      },
      context,
    );
    expect(sends(effects).map(({ resources, removed }) => ({ resources, removed }))).toEqual([
      { resources: [], removed: ['ghost'] },
    ]);
  });

  it.each(['sotw', 'delta'] as const)(
    'answers a request for many names in parts, each in a response of its own (%s)',
    (variant) => {
      const names = ['a', 'b', 'c', 'd', 'e'];
      const world: World = { cds: {}, eds: Object.fromEntries(names.map((name) => [name, '1'])) };
      const parts = {
        source: sourceOf(world),
        protocol: { ...protocol, limits: { ...protocol.limits, namesPerStep: 2 } },
      };
      const state = createState();
      const request: Event =
        variant === 'sotw'
          ? { kind: 'sotw', typeUrl: 'eds', names, nonce: '' }
          : { kind: 'delta', typeUrl: 'eds', subscribe: names, unsubscribe: [], nonce: '', initialVersions: new Map() };
      const told = (effects: readonly Effect[]) =>
        effects.map((effect) =>
          effect.kind === 'send'
            ? effect.resources.map(({ name }) => name).join('')
            : effect.kind === 'subscribed'
              ? effect.added.join('')
              : effect.kind,
        );
      expect(told(step(state, request, parts))).toEqual(['ab', 'ab', 'unfinished']);
      expect(told(step(state, { kind: 'continue', typeUrl: 'eds' }, parts))).toEqual(['cd', 'cd', 'unfinished']);
      if (variant === 'delta')
        step(
          state,
          { kind: 'delta', typeUrl: 'eds', subscribe: [], unsubscribe: ['e'], nonce: '', initialVersions: new Map() },
          parts,
        );
      expect(told(step(state, { kind: 'continue', typeUrl: 'eds' }, parts))).toEqual(
        variant === 'delta' ? [] : ['e', 'e'],
      );
      expect(told(step(state, { kind: 'continue', typeUrl: 'eds' }, parts))).toEqual([]);
    },
  );
});
