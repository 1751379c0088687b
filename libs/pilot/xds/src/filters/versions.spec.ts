import { expect, it } from 'vitest';
import { createWorldStore, parseProxy, worldQuery } from '@flotilla/pilot-world';
import { Engine, Subject } from '@flotilla/query';
import { istioAuthn } from './network.ts';
import { istioPeerMetadata } from './peer-metadata.ts';

/** Istio's own filters for a proxy of a version: what they are made as. */
function filtersOf(version: string | undefined, extensions: string[] = []): string[] {
  const proxy = parseProxy({
    id: 'sidecar~10.0.0.1~a.ns~ns.svc.cluster.local',
    metadata: version === undefined ? {} : { ISTIO_VERSION: version },
    extensions,
  });
  if (!proxy.ok) throw new Error(proxy.error);
  const query = worldQuery('filters-of-spec', (view) =>
    [...istioAuthn(view), ...istioPeerMetadata(view, 'inbound')].map(
      ({ name, typedConfig }) => `${name ?? ''} ${typedConfig?.type_url?.replace(/.*\./, '') ?? ''}`,
    ),
  );
  return new Engine(createWorldStore()).read(query, '', new Subject({ ...proxy.value }));
}

it.each([
  ['1.16.7', ['istio.metadata_exchange Wasm']],
  ['1.17.0', ['istio_authn TypedStruct', 'istio.metadata_exchange Wasm']],
  ['1.18.9', ['istio_authn TypedStruct', 'istio.metadata_exchange Wasm']],
  ['1.19.0', ['istio_authn TypedStruct', 'istio.metadata_exchange TypedStruct']],
  ['2.0.0', ['istio_authn TypedStruct', 'istio.metadata_exchange TypedStruct']],
  ['dev', ['istio_authn TypedStruct', 'istio.metadata_exchange TypedStruct']],
  [undefined, ['istio_authn TypedStruct', 'istio.metadata_exchange TypedStruct']],
])('an Envoy of Istio %s gets the filters that it has', (version, filters) => {
  expect(filtersOf(version)).toEqual(filters);
});

it('a stock Envoy gets none of them', () => {
  expect(filtersOf('1.16.7', ['envoy.filters.http.router'])).toEqual([]);
});
