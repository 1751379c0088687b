import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  countNames,
  createState,
  step,
  type Effect,
  type Event,
  type Protocol,
  type Resource,
  type Source,
} from './index.ts';

const protocol: Protocol = {
  order: ['cds', 'eds'],
  whole: new Set(['cds']),
  follows: [{ after: 'cds', type: 'eds', sameName: true }],
  limits: { namesPerType: 10, names: 20, namesPerStep: 2 },
};
type World = Record<'cds' | 'eds', Record<string, string>>;
type Send = Extract<Effect, { kind: 'send' }>;
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
const sendsOf = (effects: readonly Effect[]): Send[] => effects.filter((effect) => effect.kind === 'send');

/**
 * A server and a client with everything between them in flight until it is delivered; a delta client's new
 * subscriptions may wait for its next acknowledgement.
 */
class Link {
  readonly world: World = { cds: { a: '1' }, eds: { a: '1', b: '1', c: '1' } };
  readonly held: World = { cds: {}, eds: {} };
  readonly #variant: 'sotw' | 'delta';
  readonly #requests: Event[] = [];
  readonly #responses: Send[] = [];
  readonly #nonces: Record<string, string> = { cds: '', eds: '' };
  #state = createState();
  #asked: string[] = [];
  #waiting = false;
  /** Clusters that were changed and wait for their endpoints to come again. */
  readonly #warming = new Set<string>();

  constructor(variant: 'sotw' | 'delta') {
    this.#variant = variant;
    this.#request('cds', '');
  }

  /** Delivers everything. */
  settle(): void {
    while (this.serve() || this.receive(false) || this.flush());
  }

  /** Everything in flight is lost; the client subscribes again and names what it holds. */
  reconnect(): void {
    this.#requests.length = 0;
    this.#responses.length = 0;
    this.#state = createState();
    Object.assign(this.#nonces, { cds: '', eds: '' });
    this.#asked = [];
    this.#request('cds', '');
    if (Object.keys(this.held.cds).length > 0) this.#request('eds', '');
  }

  /** Of the clusters that have endpoints, those that still wait for them. */
  get warming(): string[] {
    return [...this.#warming].filter((one) => one in this.held.cds && this.world.eds[one] !== undefined);
  }

  serve(event: Event | undefined = this.#requests.shift()): boolean {
    if (!event) return false;
    const effects = step(this.#state, event, { source: sourceOf(this.world), protocol });
    this.#responses.push(...sendsOf(effects));
    // Whatever was counted before the step.
    expect(countNames(this.#state)).toBe(countNames({ ...this.#state, counted: undefined }));
    for (const effect of effects)
      if (effect.kind === 'unfinished') this.#requests.unshift({ kind: 'continue', typeUrl: effect.typeUrl });
    return true;
  }

  receive(piggyback: boolean): boolean {
    const response = this.#responses.shift();
    if (!response) return false;
    const type = response.typeUrl as keyof World;
    const before = { ...this.held[type] };
    if (this.#variant === 'sotw' && type === 'cds') this.held.cds = {};
    for (const { name, version } of response.resources) {
      if (type === 'eds') this.#warming.delete(name);
      else if (before[name] !== version) this.#warming.add(name);
    }
    for (const { name, version } of response.resources) this.held[type][name] = version;
    for (const name of response.removed) delete this.held[type][name];
    // Endpoints that no cluster waits for are not kept.
    for (const name of Object.keys(this.held.eds)) if (!(name in this.held.cds)) delete this.held.eds[name];
    this.#nonces[type] = response.nonce;
    this.#request(type, response.nonce);
    if (type === 'cds') {
      this.#waiting = true;
      if (!piggyback || this.#variant === 'sotw') this.flush();
    }
    return true;
  }

  /** Asks for the endpoints of the clusters held, unless an acknowledgement has done so. */
  flush(): boolean {
    if (!this.#waiting) return false;
    this.#request('eds', this.#variant === 'sotw' ? (this.#nonces['eds'] ?? '') : '');
    return true;
  }

  #request(typeUrl: string, nonce: string): void {
    const names = typeUrl === 'eds' ? Object.keys(this.held.cds) : [];
    if (this.#variant === 'sotw') this.#requests.push({ kind: 'sotw', typeUrl, names, nonce });
    else {
      const first = nonce === '' && !this.#state.subscriptions.has(typeUrl);
      const isNew = (name: string): boolean => !this.#asked.includes(name);
      const subscribe = typeUrl === 'eds' ? names.filter(isNew) : [];
      const unsubscribe = typeUrl === 'eds' ? this.#asked.filter((name) => !names.includes(name)) : [];
      if (nonce !== '' || typeUrl === 'cds' || subscribe.length + unsubscribe.length > 0)
        this.#requests.push({
          kind: 'delta',
          typeUrl,
          nonce,
          subscribe,
          unsubscribe,
          initialVersions: new Map(first ? Object.entries(this.held[typeUrl as keyof World]) : []),
        });
    }
    if (typeUrl !== 'eds') return;
    this.#asked = names;
    this.#waiting = false;
  }
}

const name = fc.constantFrom('a', 'b', 'c');
const action = fc.oneof(
  fc.record({
    kind: fc.constant('change' as const),
    type: fc.constantFrom('cds' as const, 'eds' as const),
    name,
    version: fc.option(fc.constantFrom('1', '2', '3'), { nil: undefined }),
  }),
  fc.record({ kind: fc.constant('serve' as const) }),
  fc.record({ kind: fc.constant('reconnect' as const) }),
  fc.record({ kind: fc.constant('settle' as const) }),
  fc.record({ kind: fc.constant('receive' as const), piggyback: fc.boolean() }),
);

describe('an xDS stream with requests and responses in flight', () => {
  for (const variant of ['sotw', 'delta'] as const) {
    it(`ends with the client having what the server has and nothing warming, in any interleaving (${variant})`, () => {
      fc.assert(
        fc.property(fc.array(action, { maxLength: 40 }), (actions) => {
          const link = new Link(variant);
          for (const act of actions) {
            if (act.kind === 'serve') link.serve();
            else if (act.kind === 'reconnect') link.reconnect();
            else if (act.kind === 'settle') link.settle();
            else if (act.kind === 'receive') link.receive(act.piggyback);
            else if (act.version !== undefined || act.type === 'cds') {
              if (act.version === undefined) delete link.world[act.type][act.name];
              else link.world[act.type][act.name] = act.version;
              link.serve({
                kind: 'changed',
                types: new Map([[act.type, act.type === 'eds' ? new Set([act.name]) : ('all' as const)]]),
              });
            }
          }
          link.settle();
          expect([link.held.cds, link.warming]).toEqual([link.world.cds, []]);
          expect(link.held.eds).toEqual(
            Object.fromEntries(Object.keys(link.world.cds).map((one) => [one, link.world.eds[one]])),
          );
        }),
        { numRuns: 2000 },
      );
    });
  }

  it('takes subscriptions from an acknowledgement that another response has overtaken (delta)', () => {
    const context = { source: sourceOf({ cds: {}, eds: { a: '2', b: '1' } }), protocol };
    const request = {
      kind: 'delta',
      typeUrl: 'eds',
      nonce: '',
      subscribe: ['a'],
      unsubscribe: [],
      initialVersions: new Map<string, string>(),
    } as const;
    const state = createState();
    const first = step(state, request, { ...context, source: sourceOf({ cds: {}, eds: { a: '1' } }) });
    step(state, { kind: 'changed', types: new Map([['eds', 'all' as const]]) }, context);
    const effects = step(state, { ...request, nonce: sendsOf(first)[0]?.nonce ?? '', subscribe: ['b'] }, context);
    expect(sendsOf(effects).map(({ resources }) => resources.map((one) => one.name))).toEqual([['b']]);
  });

  it('sends a client that comes back only what it does not hold, and all it may wait for (delta)', () => {
    const source = sourceOf({ cds: { a: '1', b: '2' }, eds: { a: '1', b: '2' } });
    const answer = (typeUrl: string, subscribe: readonly string[]) =>
      sendsOf(
        step(
          createState(),
          {
            kind: 'delta',
            typeUrl,
            nonce: '',
            subscribe,
            unsubscribe: [],
            initialVersions: new Map([
              ['a', '1'],
              ['b', '1'],
              ['c', '1'],
            ]),
          },
          { source, protocol },
        ),
      );
    const told = (sends: readonly Send[]) =>
      sends.map(({ resources, removed }) => ({ names: resources.map((one) => one.name), removed }));
    expect(told(answer('cds', []))).toEqual([{ names: ['b'], removed: ['c'] }]);
    expect(told(answer('eds', ['a', 'b', 'c']))).toEqual([{ names: ['a', 'b'], removed: ['c'] }]);
  });
});
