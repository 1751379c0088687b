import { joined } from '@flotilla/std';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createWorldStore, parseProxy, resourcePatches, worldChanges, worldQuery } from '@flotilla/pilot-world';
import { envoy } from '@flotilla/proto-gen/envoy';
import { Engine, Subject } from '@flotilla/query';
import { meshLife, meshNames, meshNodes } from '@flotilla/testing';
import { readOne } from '../read.ts';
import { namedMember } from '../roots.ts';
import { resourceKey } from './kinds.ts';
import type { Patch } from './patches.ts';
import { part } from './parts.ts';
import { encodeVirtualHost, finishRouteConfiguration } from './route-configuration.ts';

type IRoute = envoy.config.route.v3.IRoute;
type IVirtualHost = envoy.config.route.v3.IVirtualHost;
const { RouteConfiguration } = envoy.config.route.v3;

let applied = 0;
/** Changes nothing, but concerns every route configuration, so that each is encoded whole. */
const identity: Patch<'rds'> = {
  kind: 'rds',
  priority: 0,
  concerns: () => true,
  apply: (message) => {
    applied += 1;
    return message;
  },
};
const patch = { collection: resourcePatches, key: 'identity', value: identity };

const text = fc.string({ maxLength: 300 });
const seconds = fc.nat(100).map((value) => ({ seconds: value }));
const route: fc.Arbitrary<IRoute> = fc.record(
  {
    name: text,
    match: fc.oneof(
      fc.record({ prefix: text }),
      fc.record({ path: text, caseSensitive: fc.boolean().map((value) => ({ value })) }),
    ),
    route: fc.record({ cluster: text, timeout: seconds }, { requiredKeys: [] }),
    decorator: fc.record({ operation: text }),
    metadata: fc.record({
      filterMetadata: fc.dictionary(text, fc.record({ fields: fc.dictionary(text, fc.record({ stringValue: text })) })),
    }),
  },
  { requiredKeys: ['match'] },
);
const host: fc.Arbitrary<IVirtualHost> = fc.record(
  {
    name: text,
    domains: fc.array(text, { maxLength: 5 }),
    routes: fc.array(route, { maxLength: 4 }),
    includeRequestAttemptCount: fc.boolean(),
  },
  { requiredKeys: ['name'] },
);

describe('a route configuration', () => {
  it('has the same bytes when it is assembled from encoded virtual hosts and when it is encoded whole', () => {
    fc.assert(
      fc.property(text, fc.array(host, { maxLength: 5 }), (name, hosts) => {
        const query = worldQuery('query', (view) =>
          finishRouteConfiguration(view, {
            name,
            hosts: hosts.map((message, i) => ({
              encoded: part(
                `${i}`,
                worldQuery('host', () => encodeVirtualHost(message)),
                '',
              ),
              message: () => message,
            })),
          }),
        );
        const engine = new Engine(createWorldStore());
        const watch = engine.watch(query, '', new Subject({}));
        const assembled = engine.read(query, '', watch.subject);
        engine.apply([patch]);
        const whole = engine.read(query, '', watch.subject);
        expect(Buffer.compare(joined(whole.bytes), joined(assembled.bytes))).toBe(0);
        expect(whole.version).toBe(assembled.version);
        const decoded = RouteConfiguration.decode(joined(assembled.bytes));
        expect([decoded.name, decoded.virtualHosts.map((one) => one.name)]).toEqual([
          name,
          hosts.map((one) => one.name),
        ]);
      }),
      { numRuns: 100 },
    );
  });

  it('does not change for any proxy of any mesh when a first patch changes nothing', () => {
    const subjects = meshNodes.map((node) => {
      const parsed = parseProxy(node);
      if (!parsed.ok) throw new Error(parsed.error);
      return new Subject({ ...parsed.value });
    });
    applied = 0;
    fc.assert(
      fc.property(meshLife({ steps: 6 }), (life) => {
        const engine = new Engine(createWorldStore());
        engine.apply(life.flat().flatMap(({ collection, key, resource }) => worldChanges(collection, key, resource)));
        const versions = (): readonly unknown[] =>
          subjects.flatMap((subject) =>
            meshNames.rds.map((name) => readOne(engine, resourceKey({ kind: 'rds', name }), subject)?.version),
          );
        for (const subject of subjects)
          for (const name of meshNames.rds) {
            const { query, key } = namedMember(resourceKey({ kind: 'rds', name }));
            engine.watch(query, key, subject);
          }
        const before = versions();
        engine.resetStats();
        engine.apply([patch]);
        // Streams send what has another version.
        expect(versions()).toEqual(before);
        expect(engine.stats.runs.has('virtual-host')).toBe(false);
      }),
      { numRuns: 30 },
    );
    expect(applied).toBeGreaterThan(100);
  });
});
