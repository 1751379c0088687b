import { describe, expect, it } from 'vitest';
import { Mesh } from './mesh.fixture.ts';

const service = `
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {clusterIP: 10.8.0.1, selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]}
---`;
const slice = (endpoints: string): string => `${service}
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-x, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints: ${endpoints}
---`;
const entry = (spec: string): string => `
apiVersion: networking.istio.io/v1beta1
kind: ServiceEntry
metadata: {name: api, namespace: shop}
spec:
  hosts: [api.test]
  ports: [{number: 80, name: http, protocol: HTTP}]
  ${spec}
---`;
const workload = (name: string, address: string): string => `
apiVersion: networking.istio.io/v1beta1
kind: WorkloadEntry
metadata: {name: ${name}, namespace: shop, labels: {app: api}}
spec: {address: ${address}, ports: {http: 9080}}
---`;
const web = 'outbound|80||web.shop.svc.cluster.local';
const api = 'outbound|80||api.test';

describe.each(['sotw', 'delta'] as const)('endpoints (%s)', (variant) => {
  const open = (config: string): Promise<Mesh> =>
    Mesh.open({ config, proxy: { variant, type: 'sidecar' }, eds: [web, api] });

  it('of a Service are the ready ones of its EndpointSlices, and its cluster does not change with them', async () => {
    const mesh = await open(
      slice(`
      - {addresses: [10.1.0.1], conditions: {ready: true}}
      - {addresses: [10.1.0.2], conditions: {ready: false}}`),
    );
    expect(mesh.endpoints(web)).toEqual(['10.1.0.1:8080']);
    const before = mesh.get('cds', web);
    await mesh.write(
      slice(`
      - {addresses: [10.1.0.1], conditions: {ready: true}}
      - {addresses: [10.1.0.2], conditions: {ready: true}}`),
    );
    expect(mesh.endpoints(web)).toEqual(['10.1.0.1:8080', '10.1.0.2:8080']);
    expect(mesh.get('cds', web)).toEqual(before);
    await mesh.write(service);
    expect(mesh.endpoints(web)).toEqual([]);
  });

  it('have their locality and the weight of a ServiceEntry', async () => {
    const mesh = await open(
      entry('resolution: STATIC\n  endpoints: [{address: 10.2.0.1, weight: 3, locality: eu/west/a}]'),
    );
    expect(mesh.get('eds', api)).toMatchObject({
      endpoints: [
        { locality: { region: 'eu', zone: 'west', subZone: 'a' }, lbEndpoints: [{ loadBalancingWeight: 3 }] },
      ],
    });
  });

  it('of a ServiceEntry with a selector are WorkloadEntries that have its labels', async () => {
    const selecting = entry('resolution: STATIC\n  workloadSelector: {labels: {app: api}}');
    const mesh = await open(selecting + workload('a', '10.2.0.1'));
    expect(mesh.endpoints(api)).toEqual(['10.2.0.1:9080']);
    await mesh.write(selecting + workload('a', '10.2.0.1') + workload('b', '10.2.0.2'));
    expect(mesh.endpoints(api)).toEqual(['10.2.0.1:9080', '10.2.0.2:9080']);
    await mesh.write(selecting);
    expect(mesh.endpoints(api)).toEqual([]);
  });

  it('of a host that Envoy resolves are in its cluster', async () => {
    const mesh = await open(entry('resolution: DNS\n  endpoints: [{address: backend.test}]'));
    expect(mesh.get('cds', api)).toMatchObject({ type: 'STRICT_DNS' });
    expect(JSON.stringify(mesh.get('cds', api))).toContain('backend.test');
    await mesh.write(entry('resolution: STATIC\n  endpoints: [{address: 10.2.0.9}]'));
    expect(mesh.get('cds', api)).toMatchObject({ type: 'EDS' });
    expect(mesh.endpoints(api)).toEqual(['10.2.0.9:80']);
  });
});
