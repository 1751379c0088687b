import { describe, expect, it } from 'vitest';
import { Mesh } from './mesh.fixture.ts';

const service = (address: string): string => `
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {clusterIP: ${address}, ports: [{name: http, port: 80}]}
---`;
const entry = `
apiVersion: networking.istio.io/v1beta1
kind: ServiceEntry
metadata: {name: api, namespace: shop}
spec:
  hosts: [api.test]
  addresses: [10.9.0.1]
  ports: [{number: 80, name: http, protocol: HTTP}]
  resolution: STATIC
---`;
const web = 'web.shop.svc.cluster.local';

describe.each(['sotw', 'delta'] as const)('the name table of a proxy that answers DNS (%s)', (variant) => {
  const open = (config: string): Promise<Mesh> =>
    Mesh.open({
      config,
      proxy: { variant, type: 'sidecar', metadata: { DNS_CAPTURE: 'true', CLUSTER_ID: 'Kubernetes' } },
    });
  const table = (mesh: Mesh): unknown => mesh.get('nds')?.['table'];

  it('has the addresses of services, as they are now', async () => {
    const mesh = await open(service('10.8.0.1'));
    expect(table(mesh)).toMatchObject({
      [web]: { ips: ['10.8.0.1'], registry: 'Kubernetes', shortname: 'web', namespace: 'shop' },
    });
    await mesh.write(service('10.8.0.2') + entry);
    expect(table(mesh)).toMatchObject({ [web]: { ips: ['10.8.0.2'] }, 'api.test': { ips: ['10.9.0.1'] } });
    await mesh.write(entry);
    expect(table(mesh)).not.toHaveProperty([web]);
  });

  it('does not have what is exported to other namespaces only', async () => {
    const ledger = (exportTo: string): string => `
apiVersion: v1
kind: Service
metadata: {name: ledger, namespace: bank, annotations: {networking.istio.io/exportTo: ${exportTo}}}
spec: {clusterIP: 10.8.1.1, ports: [{name: http, port: 80}]}
---`;
    const mesh = await open(service('10.8.0.1') + ledger('.'));
    expect(table(mesh)).not.toHaveProperty(['ledger.bank.svc.cluster.local']);
    await mesh.write(service('10.8.0.1') + ledger('shop'));
    expect(table(mesh)).toHaveProperty(['ledger.bank.svc.cluster.local']);
  });
});
