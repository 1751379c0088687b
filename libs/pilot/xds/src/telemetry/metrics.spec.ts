import { describe, expect, it } from 'vitest';
import { keyOf, parseMeshConfig, parseResource } from '@flotilla/model';
import { createWorldStore, parseProxy, worldChanges, worldQuery } from '@flotilla/pilot-world';
import { Engine, Subject } from '@flotilla/query';
import { metricsKey, metricsOf } from './metrics.ts';
import { statsOf } from './stats.ts';

const telemetry = (namespace: string, ...metrics: unknown[]): unknown => ({
  apiVersion: 'telemetry.istio.io/v1alpha1',
  kind: 'Telemetry',
  metadata: { name: 't', namespace },
  spec: { metrics },
});
const overrides = (...each: unknown[]): unknown => ({ providers: [{ name: 'prometheus' }], overrides: each });

function engineOf(objects: unknown[], providers: string[]): { engine: Engine; subject: Subject } {
  const engine = new Engine(createWorldStore());
  const mesh = parseMeshConfig({ defaultProviders: { metrics: providers } });
  if (!mesh.ok) throw new Error('mesh');
  for (const resource of [
    mesh.value,
    ...objects.map((object) => {
      const parsed = parseResource(object);
      if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
      return parsed.value.resource;
    }),
  ])
    engine.apply(worldChanges(resource.collection, keyOf(resource.meta), resource));
  const proxy = parseProxy({ id: 'sidecar~10.0.0.1~a.ns~ns.svc.cluster.local' });
  if (!proxy.ok) throw new Error(proxy.error);
  return { engine, subject: new Subject({ ...proxy.value }) };
}
const filters = worldQuery('filters-of-spec', (view) =>
  (['CLIENT', 'SERVER'] as const).map((side) =>
    statsOf(view, side, 'http')
      .map(({ name }) => name)
      .join(),
  ),
);
function filtersOf(objects: unknown[], providers = ['prometheus']): readonly string[] {
  const { engine, subject } = engineOf(objects, providers);
  return engine.read(filters, '', subject);
}

describe('who counts', () => {
  it("are the mesh's providers, in the order of their names, unless Telemetry names others", () => {
    expect(filtersOf([], [])).toEqual(['', '']);
    expect(filtersOf([], ['stackdriver', 'prometheus'])).toEqual([
      'istio.stats,istio.stackdriver',
      'istio.stats,istio.stackdriver',
    ]);
    expect(filtersOf([telemetry('ns', { providers: [{ name: 'stackdriver' }] })])).toEqual([
      'istio.stackdriver',
      'istio.stackdriver',
    ]);
  });

  it('is nobody on a side where all metrics are disabled, until something else is said there', () => {
    const all = { match: { metric: 'ALL_METRICS', mode: 'CLIENT' }, disabled: true };
    expect(filtersOf([telemetry('ns', overrides(all))])).toEqual(['', 'istio.stats']);
    expect(filtersOf([telemetry('ns', overrides({ disabled: true }))])).toEqual(['', '']);
    expect(
      filtersOf([
        telemetry('istio-system', overrides(all)),
        telemetry('ns', overrides({ match: { metric: 'REQUEST_COUNT' }, disabled: false })),
      ]),
    ).toEqual(['istio.stats', 'istio.stats']);
  });
});

it('overrides come together tag by tag, of all levels that speak of the provider', () => {
  const { engine, subject } = engineOf(
    [
      telemetry(
        'istio-system',
        overrides({
          match: { metric: 'REQUEST_COUNT', mode: 'CLIENT' },
          tagOverrides: { a: { value: '1' }, b: { value: '1' } },
        }),
      ),
      telemetry('ns', overrides({ match: { metric: 'REQUEST_COUNT' }, tagOverrides: { b: { operation: 'REMOVE' } } })),
    ],
    ['prometheus'],
  );
  const count = (side: 'CLIENT' | 'SERVER'): unknown =>
    engine.read(metricsOf, metricsKey({ side, provider: 'prometheus' }), subject).overrides.get('REQUEST_COUNT');
  expect(count('CLIENT')).toEqual({
    drop: false,
    tags: new Map([
      ['a', '1'],
      ['b', undefined],
    ]),
  });
  expect(count('SERVER')).toEqual({ drop: false, tags: new Map([['b', undefined]]) });
});
