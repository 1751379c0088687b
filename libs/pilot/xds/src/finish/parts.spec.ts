import { describe, expect, it } from 'vitest';
import { envoy } from '@flotilla/proto-gen/envoy';
import { joined } from '@flotilla/std';
import type { XdsResource } from '../resource.ts';
import { encodeMessage } from './encode-message.ts';
import { finished } from './finish.ts';
import { completed, type FailedPart } from './parts.ts';

const virtualHostsField = 2;
const { RouteConfiguration } = envoy.config.route.v3;

/** A route configuration of virtual hosts with these names and domains; those without a domain have failed. */
function routes(hosts: Readonly<Record<string, string | undefined>>, name = '80'): XdsResource {
  const ids = Object.keys(hosts);
  const virtualHosts = ids.flatMap((id) => {
    const domain = hosts[id];
    return domain === undefined ? [] : [{ name: id, domains: [domain] }];
  });
  const failed = ids
    .filter((id) => hosts[id] === undefined)
    .map((id): FailedPart => ({ id, query: { name: 'host' }, key: id, error: new Error('no') }));
  const missing = new Set(failed.map(({ id }) => id));
  const bytes = encodeMessage('rds', { name, ignorePortInHostMatching: true, virtualHosts });
  return { ...finished(name, bytes), parts: { field: virtualHostsField, ids, missing, failed } };
}

const hostsOf = (resource: XdsResource | undefined): readonly string[] | undefined =>
  resource &&
  RouteConfiguration.decode(joined(resource.bytes)).virtualHosts.map(
    ({ name, domains }) => `${name} ${String(domains)}`,
  );

describe('a resource without some of its parts', () => {
  it('has those of the former one in their places, and the bytes that it would have with them', () => {
    const now = routes({ a: 'a.new', b: undefined, c: 'c.new', d: undefined });
    const former = routes({ d: 'd.old', c: 'c.old', b: 'b.old', a: 'a.old' });
    const whole = completed(now, former);
    expect(hostsOf(whole)).toEqual(['a a.new', 'b b.old', 'c c.new', 'd d.old']);
    const expected = routes({ a: 'a.new', b: 'b.old', c: 'c.new', d: 'd.old' });
    expect(Buffer.compare(joined(whole?.bytes ?? []), joined(expected.bytes))).toBe(0);
    expect(whole?.version).toBe(expected.version);
    expect(whole?.parts?.missing).toEqual(new Set());
    // Why they failed is still to be said.
    expect(whole?.parts?.failed.map(({ id }) => id)).toEqual(['b', 'd']);
  });

  it('stays without a part that the former one has not either', () => {
    const whole = completed(routes({ a: undefined, b: undefined, c: 'c.new' }), routes({ b: 'b.old', a: undefined }));
    expect(hostsOf(whole)).toEqual(['b b.old', 'c c.new']);
    expect(whole?.parts?.missing).toEqual(new Set(['a']));
  });

  it('does not get back what is gone on purpose', () => {
    expect(hostsOf(completed(routes({ a: undefined }), routes({ a: 'a.old', gone: 'gone.old' })))).toEqual(['a a.old']);
  });

  it('is as it is when there is no former one, or nothing is missing', () => {
    const partial = routes({ a: undefined, b: 'b.new' });
    expect(completed(partial, undefined)).toBe(partial);
    const { parts: _, ...plain } = routes({ a: 'a.old' });
    expect(completed(partial, plain)).toBe(partial);
    const whole = routes({ a: 'a.new' });
    expect(completed(whole, routes({ a: 'a.old' }))).toBe(whole);
  });

  it('can not be put together where a patch has changed how many parts there are', () => {
    const partial = routes({ a: undefined, b: 'b.new' });
    const patched: XdsResource = {
      ...routes({ a: 'a.old', added: 'x' }),
      parts: { field: virtualHostsField, ids: ['a'], missing: new Set(), failed: [] },
    };
    expect(completed(partial, patched)).toBeUndefined();
  });
});
