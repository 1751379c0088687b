import { describe, expect, it } from 'vitest';
import { mergeProxyConfig, withMeshDefaults } from './mesh-defaults.ts';

describe('a mesh configuration over the defaults', () => {
  it('replaces each field as a whole, those of the proxies one by one', () => {
    const merged = withMeshDefaults({
      localityLbSetting: {},
      defaultConfig: { tracing: {}, proxyMetadata: { A: '1' } },
      defaultProviders: { metrics: ['prometheus'] },
    });
    expect(merged).toMatchObject({ localityLbSetting: {}, defaultProviders: { metrics: ['prometheus'] } });
    expect(merged.localityLbSetting).toEqual({});
    expect(merged.defaultConfig?.tracing).toEqual({});
    expect(merged.defaultConfig?.statusPort).toBe(15_020);
  });
  it('merges metadata, and has one name for the service cluster', () => {
    const base = { serviceCluster: 'istio-proxy', proxyMetadata: { A: '1', B: '2' } };
    expect(mergeProxyConfig(base, { proxyMetadata: { B: '3' } })).toMatchObject({
      serviceCluster: 'istio-proxy',
      proxyMetadata: { A: '1', B: '3' },
    });
    expect(mergeProxyConfig(base, { tracingServiceName: 'CANONICAL_NAME_ONLY' }).serviceCluster).toBeUndefined();
  });

  it('extension providers add to the built-in ones; of one name the last applies, in the place of the first', () => {
    const { extensionProviders } = withMeshDefaults({
      extensionProviders: [
        { name: 'own', zipkin: { service: 'a.test', port: 1 } },
        { name: 'envoy', envoyFileAccessLog: { path: '/log' } },
        { name: 'own', zipkin: { service: 'b.test', port: 2 } },
      ],
    });
    expect(extensionProviders?.map(({ name }) => name)).toEqual(['prometheus', 'stackdriver', 'envoy', 'own']);
    expect(extensionProviders?.slice(2)).toMatchObject([
      { envoyFileAccessLog: { path: '/log' } },
      { zipkin: { service: 'b.test' } },
    ]);
  });
});
