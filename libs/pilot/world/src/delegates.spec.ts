import { describe, expect, it } from 'vitest';
import type { HTTPMatchRequest, HTTPRoute } from '@flotilla/model';
import { delegationLimits } from '@flotilla/rules';
import { mergeDelegates } from './delegates.ts';

const meta = { name: 'root', namespace: 'shop' };
function merged(root: HTTPRoute, ...inner: HTTPRoute[]): HTTPRoute[] {
  const of = (http: HTTPRoute[]) => ({ key: 'shop/x', meta, spec: { http } });
  return mergeDelegates(of([{ delegate: { name: 'd', namespace: 'shop' }, ...root }]), ({ name, namespace }) =>
    name === 'd' && namespace === 'shop' ? of(inner) : undefined,
  );
}
const under = (root: HTTPMatchRequest, leaf: HTTPMatchRequest): HTTPMatchRequest | undefined =>
  merged({ match: [root] }, { match: [leaf] })[0]?.match?.[0];

describe('delegates', () => {
  it('leave out a root that nobody answers for, and delegates of delegates', () => {
    expect(merged({ delegate: { name: 'nobody', namespace: 'shop' } }, {})).toEqual([]);
    expect(merged({}, { delegate: { name: 'other', namespace: 'shop' } })).toEqual([]);
  });

  it('take from the root what they leave unset, whole', () => {
    const [route] = merged(
      { name: 'r', timeout: 1, headers: { request: { set: { a: '1' } } }, retries: { attempts: 1 } },
      { name: 'd', headers: { response: { remove: ['b'] } }, retries: { attempts: 0 } },
    );
    expect(route).toMatchObject({
      name: 'r-d',
      timeout: 1,
      retries: { attempts: 0 },
      headers: { response: { remove: ['b'] } },
    });
    expect(route?.headers?.request).toBeUndefined();
  });

  it.each<[string, HTTPMatchRequest, HTTPMatchRequest]>([
    ['a longer prefix', { uri: { prefix: '/a' } }, { uri: { prefix: '/a/b' } }],
    ['a path below a prefix', { uri: { prefix: '/a' } }, { uri: { exact: '/a/b' } }],
    ['the same text', { method: { exact: 'GET' } }, { method: { exact: 'GET' } }],
    ['another header', { headers: { a: { exact: '1' } } }, { headers: { b: { regex: '.*' } } }],
    ['some of the gateways', { gateways: ['mesh', 'shop/g'] }, { gateways: ['shop/g'] }],
    ['the same namespace', { sourceNamespace: 'a' }, { sourceNamespace: 'a' }],
  ])('may ask for %s', (_, root, leaf) => {
    expect(under(root, leaf)).toMatchObject({
      ...root,
      ...leaf,
      ...(root.headers ? { headers: { ...root.headers, ...leaf.headers } } : {}),
    });
  });

  it.each<[string, HTTPMatchRequest, HTTPMatchRequest]>([
    ['a prefix elsewhere', { uri: { prefix: '/a' } }, { uri: { prefix: '/b' } }],
    ['a prefix of a path', { uri: { exact: '/a' } }, { uri: { prefix: '/a' } }],
    ['a regular expression', { uri: { prefix: '/a' } }, { uri: { regex: '/a/.*' } }],
    ['what is only present', { headers: { a: {} } }, { headers: { a: { exact: '1' } } }],
    ['another case', { uri: { prefix: '/a' } }, { uri: { prefix: '/a' }, ignoreUriCase: true }],
    ['another port', { port: 80 }, { port: 81 }],
    ['any namespace', { sourceNamespace: 'a' }, {}],
    ['another label', { sourceLabels: { app: 'a' } }, { sourceLabels: { app: 'b' } }],
    ['another gateway', { gateways: ['mesh'] }, { gateways: ['shop/g'] }],
  ])('lose a route that asks for %s', (_, root, leaf) => {
    expect(merged({ match: [root] }, { match: [leaf] })).toEqual([]);
  });

  it('stand under the first match that has room for them', () => {
    const [route] = merged(
      {
        match: [
          { name: 'one', uri: { prefix: '/a' } },
          { name: 'two', uri: { prefix: '/b' } },
        ],
      },
      { match: [{ uri: { prefix: '/b/c' } }, { name: 'x' }] },
    );
    expect(route?.match).toMatchObject([
      { name: 'two', uri: { prefix: '/b/c' } },
      { name: 'one-x', uri: { prefix: '/a' } },
    ]);
  });

  it('are left out once all of them together have too many routes or matches', () => {
    const [delegate, many] = [{ name: 'd', namespace: 'shop' }, Array.from({ length: 2000 }, (_, i) => i)];
    const matches = (word: string): HTTPMatchRequest[] => many.map((i) => ({ uri: { prefix: `/${word}${i}/` } }));
    const under = (root: HTTPRoute[], inner: HTTPRoute[]): HTTPRoute[] =>
      mergeDelegates({ spec: { http: root } }, () => ({ spec: { http: inner } }));
    const routes = under(
      many.map(() => ({ delegate })),
      many.map((i) => ({ name: `${i}` })),
    );
    expect(routes).toHaveLength(delegationLimits.routes);
    expect(under([{ delegate, match: matches('a') }], [{ match: matches('b') }, {}])).toEqual([]);
    expect(under([{ delegate, match: [{}] }, { name: 'last' }], [{ match: matches('b') }])).toHaveLength(2);
  });
});
