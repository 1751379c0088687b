import { describe, expect, it } from 'vitest';
import { Mesh } from './mesh.fixture.ts';

const mesh = (selectors: string): string => `
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data: {mesh: 'discoverySelectors: ${selectors}'}
---`;
const namespace = (labels: string): string => `
apiVersion: v1
kind: Namespace
metadata: {name: bank, labels: ${labels}}
---`;
const web = 'outbound|80||web.bank.svc.cluster.local';
const objects = `
apiVersion: v1
kind: Service
metadata: {name: web, namespace: bank}
spec: {clusterIP: 10.8.0.1, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-x, namespace: bank, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints: [{addresses: [10.0.0.1]}]
---
apiVersion: networking.istio.io/v1beta1
kind: ServiceEntry
metadata: {name: api, namespace: bank}
spec: {hosts: [api.test], ports: [{number: 80, name: http, protocol: HTTP}], resolution: STATIC}
---`;

describe.each(['sotw', 'delta'] as const)('discoverySelectors (%s)', (variant) => {
  const open = (config: string): Promise<Mesh> =>
    Mesh.open({ config, proxy: { variant, type: 'sidecar' }, eds: [web] });
  const selectors = '[{matchLabels: {mesh: a}}, {matchExpressions: [{key: team, operator: Exists}]}]';

  it('a Service comes and goes with the labels of its namespace', async () => {
    const rig = await open(mesh(selectors) + namespace('{mesh: b}') + objects);
    expect(rig.get('cds', web)).toBeUndefined();
    await rig.write(mesh(selectors) + namespace('{mesh: a}') + objects);
    expect(rig.get('cds', web)).toBeDefined();
    expect(rig.endpoints(web)).toEqual(['10.0.0.1:8080']);
    await rig.write(mesh(selectors) + objects);
    expect(rig.get('cds', web)).toBeUndefined();
    await rig.write(mesh(selectors) + namespace('{team: x}') + objects);
    expect(rig.get('cds', web)).toBeDefined();
  });

  it('a ServiceEntry is used wherever it is; without selectors everything is', async () => {
    const rig = await open(mesh(selectors) + objects);
    expect(rig.get('cds', 'outbound|80||api.test')).toBeDefined();
    expect(rig.get('cds', web)).toBeUndefined();
    await rig.write(mesh('[]') + objects);
    expect(rig.get('cds', web)).toBeDefined();
  });
});
