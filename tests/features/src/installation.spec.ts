import { X509Certificate } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { typeUrls } from '@flotilla/pilot-xds';
import { startFleet } from './fleet.fixture.ts';
import { connectProxy, type Stream } from './proxy-stream.fixture.ts';

/** A mesh that has nothing by Istio's default names but a trust domain. */
const shop = `apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: mesh-system}
data: {mesh: "connectTimeout: 7s"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data: {mesh: "connectTimeout: 3s"}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {clusterIP: 10.8.0.1, ports: [{name: http, port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-x, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints: [{addresses: [10.1.0.1], conditions: {ready: true}}]
---
apiVersion: networking.istio.io/v1beta1
kind: VirtualService
metadata: {name: web, namespace: shop}
spec: {hosts: [web], http: [{timeout: 4s, route: [{destination: {host: web}}]}]}
---
apiVersion: networking.istio.io/v1beta1
kind: DestinationRule
metadata: {name: root, namespace: mesh-system}
spec: {host: "*.shop.svc.corp.internal", trafficPolicy: {connectionPool: {tcp: {maxConnections: 77}}}}
`;
const host = 'web.shop.svc.corp.internal';
const cluster = `outbound|80||${host}`;

describe('a mesh in another cluster, under another domain, with another system namespace', () => {
  const dir = mkdtempSync(join(tmpdir(), 'flotilla-installation-'));
  let fleet: Awaited<ReturnType<typeof startFleet>>;
  let proxy: Stream;
  beforeAll(async () => {
    writeFileSync(join(dir, 'shop.yaml'), shop);
    const installation = { clusterId: 'east', domain: 'corp.internal', systemNamespace: 'mesh-system' };
    fleet = await startFleet({ config: dir, installation });
    proxy = await connectProxy(fleet.port, { variant: 'sotw', type: 'sidecar', domain: 'corp.internal' });
  });
  afterAll(async () => {
    proxy.close();
    await fleet.close();
  });

  it('reads the ConfigMap of that namespace, and finds short names under that domain', () =>
    expect(fleet.galley.problems()).toEqual([]));

  it('has services under that domain, with the policies of that namespace for the whole mesh', () =>
    expect(proxy.resource(typeUrls.cds, cluster)).toMatchObject({
      connectTimeout: '7s',
      circuitBreakers: { thresholds: [{ maxConnections: 77 }] },
    }));

  it('takes files and proxies that name no cluster for that cluster', async () => {
    expect(fleet.pilot.engine.store.keys('services')).toMatchObject([{ cluster: 'east', namespace: 'shop' }]);
    proxy.ask(typeUrls.eds, [cluster]);
    await proxy.has(typeUrls.eds, cluster);
    expect(JSON.stringify(proxy.resource(typeUrls.eds, cluster))).toContain('10.1.0.1');
  });

  it('routes short names of VirtualServices and of requests', async () => {
    proxy.ask(typeUrls.rds, ['80']);
    await proxy.has(typeUrls.rds, '80');
    expect(proxy.resource(typeUrls.rds, '80')).toMatchObject({
      virtualHosts: expect.arrayContaining([
        expect.objectContaining({
          domains: [host, 'web', 'web.shop.svc', 'web.shop', '10.8.0.1'],
          routes: [expect.objectContaining({ route: expect.objectContaining({ cluster, timeout: '4s' }) as unknown })],
        }),
      ]) as unknown,
    });
  });

  it('has services whose identities and names are of that namespace', () => {
    const names = new X509Certificate(fleet.certificate()).subjectAltName;
    expect(names).toContain('URI:spiffe://cluster.local/ns/mesh-system/sa/galley');
    expect(names).toContain('DNS:istio-galley.mesh-system.svc');
  });

  it('injects proxies that look for the control plane there', async () => {
    const pod = { metadata: { name: 'web', labels: { app: 'web' } }, spec: { containers: [{ name: 'web' }] } };
    const patch = await fleet.inject(pod);
    expect(patch).toContain('$(POD_NAMESPACE).svc.corp.internal');
    expect(patch).toContain('istiod.mesh-system.svc:15012');
    expect(patch).not.toContain('istio-system');
  });
});
