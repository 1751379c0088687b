import { describe, expect, it } from 'vitest';
import { Mesh } from './mesh.fixture.ts';

const services = `
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {clusterIP: 10.8.0.1, ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: spare, namespace: shop}
spec: {clusterIP: 10.8.0.2, ports: [{name: http, port: 80}]}
---`;
const virtualService = (http: string): string => `${services}
apiVersion: networking.istio.io/v1beta1
kind: VirtualService
metadata: {name: web, namespace: shop}
spec:
  hosts: [web]
  http: ${http}
---`;
const destinationRule = (policy: string): string => `${services}
apiVersion: networking.istio.io/v1beta1
kind: DestinationRule
metadata: {name: web, namespace: shop}
spec: {host: web, ${policy}}
---`;
const host = (name: string): string => `${name}.shop.svc.cluster.local`;
const cluster = (name: string, subset = ''): string => `outbound|80|${subset}|${host(name)}`;

describe.each(['sotw', 'delta'] as const)('routing (%s)', (variant) => {
  let mesh: Mesh;
  const open = async (config: string): Promise<void> => {
    mesh = await Mesh.open({ config, proxy: { variant, type: 'sidecar' }, rds: ['80'] });
  };
  const routes = (): unknown => mesh.virtualHost('80', 'web')?.['routes'];

  it('a service without a VirtualService has a route to its own cluster', async () => {
    await open(services);
    expect(routes()).toMatchObject([{ match: { prefix: '/' }, route: { cluster: cluster('web') } }]);
  });

  it('a VirtualService routes by path and headers, in its order, until it is deleted', async () => {
    await open(
      virtualService(`
    - match: [{uri: {prefix: /old}, headers: {version: {exact: "1"}}}]
      route: [{destination: {host: spare}}]
    - timeout: 4s
      retries: {attempts: 3, perTryTimeout: 1s}
      route: [{destination: {host: web}}]`),
    );
    expect(routes()).toMatchObject([
      {
        match: { prefix: '/old', headers: [{ name: 'version', stringMatch: { exact: '1' } }] },
        route: { cluster: cluster('spare') },
      },
      { match: { prefix: '/' }, route: { cluster: cluster('web'), timeout: '4s', retryPolicy: { numRetries: 3 } } },
    ]);
    await mesh.write(services);
    expect(routes()).toMatchObject([{ match: { prefix: '/' }, route: { cluster: cluster('web') } }]);
  });

  it('a change of weights changes the routes and no cluster', async () => {
    const split = (weight: number): string =>
      virtualService(`
    - route:
      - {destination: {host: web}, weight: ${weight}}
      - {destination: {host: spare}, weight: ${100 - weight}}`);
    await open(split(90));
    const before = [mesh.get('cds', cluster('web')), mesh.get('cds', cluster('spare'))];
    await mesh.write(split(50));
    expect(routes()).toMatchObject([
      {
        route: {
          weightedClusters: {
            clusters: [
              { name: cluster('web'), weight: 50 },
              { name: cluster('spare'), weight: 50 },
            ],
          },
        },
      },
    ]);
    expect([mesh.get('cds', cluster('web')), mesh.get('cds', cluster('spare'))]).toEqual(before);
  });

  it('redirects, faults and CORS are in force until they are removed', async () => {
    await open(virtualService('[{match: [{uri: {exact: /}}], redirect: {uri: /home, redirectCode: 302}}]'));
    expect(routes()).toMatchObject([{ redirect: { pathRedirect: '/home', responseCode: 'FOUND' } }]);
    await mesh.write(
      virtualService(`
    - fault: {abort: {httpStatus: 503, percentage: {value: 50}}}
      corsPolicy: {allowOrigins: [{exact: "https://shop.test"}]}
      route: [{destination: {host: web}}]`),
    );
    const perRoute = JSON.stringify(routes());
    expect(perRoute).toContain('"httpStatus":503');
    expect(perRoute).toContain('"exact":"https://shop.test"');
  });

  it("a DestinationRule's policy is in the cluster, and its subsets are clusters", async () => {
    await open(services);
    expect(mesh.get('cds', cluster('web', 'v1'))).toBeUndefined();
    await mesh.write(
      destinationRule(
        'trafficPolicy: {connectionPool: {tcp: {maxConnections: 7}}}, subsets: [{name: v1, labels: {version: v1}}]',
      ),
    );
    const limited = { circuitBreakers: { thresholds: [{ maxConnections: 7 }] } };
    expect(mesh.get('cds', cluster('web'))).toMatchObject(limited);
    expect(mesh.get('cds', cluster('web', 'v1'))).toMatchObject(limited);
    await mesh.write(destinationRule('trafficPolicy: {loadBalancer: {simple: LEAST_REQUEST}}'));
    expect(mesh.get('cds', cluster('web'))).toMatchObject({ lbPolicy: 'LEAST_REQUEST' });
    expect(mesh.get('cds', cluster('web', 'v1'))).toBeUndefined();
  });
});
