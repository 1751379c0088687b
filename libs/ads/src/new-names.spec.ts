import { describe, expect, it } from 'vitest';
import { createState, newNames, step, type Effect, type Protocol, type RequestEvent, type Source } from './index.ts';

const protocol: Protocol = {
  order: ['eds'],
  whole: new Set(),
  follows: [],
  limits: { namesPerType: 10, names: 10, namesPerStep: 2 },
};
const source: Source = { all: () => [], get: () => undefined };
const sotw = (nonce: string, ...names: string[]): RequestEvent => ({ kind: 'sotw', typeUrl: 'eds', nonce, names });
const delta = (subscribe: readonly string[], unsubscribe: readonly string[] = []): RequestEvent => ({
  kind: 'delta',
  typeUrl: 'eds',
  nonce: '',
  subscribe,
  unsubscribe,
  initialVersions: new Map(),
});

/** What is prepared for requests, and what their steps then subscribe to: who prepares waits for that to let it go. */
function preparedAndAdded(...events: readonly RequestEvent[]): readonly (readonly [string[], string[]])[] {
  const state = createState();
  return events.map((event) => {
    const prepared = [...newNames(state, event, protocol)];
    const effects = step(state, event, { source, protocol });
    const isSubscribed = (effect: Effect) => effect.kind === 'subscribed';
    return [prepared, effects.filter(isSubscribed).flatMap(({ added }) => [...added])];
  });
}

describe('the names that a step is prepared for', () => {
  it.each([
    ['a request that answers an older response', [sotw('', 'a'), sotw('old', 'a', 'b', 'c')]],
    ['names that are requested and let go at once', [delta(['a']), delta(['b'], ['b'])]],
    ['names that wait already', [delta(['a', 'b', 'c']), delta(['c', 'd'])]],
    ['a request with more names than a step takes', [sotw('', 'a', 'b', 'c')]],
  ] as const)('are those that it subscribes to: %s', (_, events) => {
    for (const [prepared, added] of preparedAndAdded(...events)) expect(prepared).toEqual(added);
  });

  it.each([
    ['names that wait already', [delta(['*', 'a', 'b', 'c', 'd']), delta(['c', 'd'])]],
    ['names that are let go at once', [delta(['*']), delta(['a', 'b', 'c'], ['a', 'b', 'c'])]],
  ] as const)('are all that it looks up for a client that takes everything besides: not %s', (_, events) => {
    const state = createState();
    const prepared = new Set<string>();
    const found: string[] = [];
    const noting: Source = { all: () => [], get: (_type, name) => void found.push(name) };
    for (const event of events) {
      for (const name of newNames(state, event, protocol)) prepared.add(name);
      step(state, event, { source: noting, protocol });
    }
    expect(found.filter((name) => !prepared.has(name))).toEqual([]);
  });
});
