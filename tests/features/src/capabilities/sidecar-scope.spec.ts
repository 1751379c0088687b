import { describe, expect, it } from 'vitest';
import { Mesh } from './mesh.fixture.ts';

const service = (namespace: string, name: string, annotations = ''): string => `
apiVersion: v1
kind: Service
metadata: {name: ${name}, namespace: ${namespace}${annotations}}
spec: {clusterIP: 10.8.${namespace.length}.${name.length}, ports: [{name: http, port: 80}]}
---`;
const services = service('shop', 'web') + service('bank', 'ledger');
/** The namespace `steps` is that of the fixture's own service. */
const sidecar = (hosts: string, namespace = 'shop'): string => `
apiVersion: networking.istio.io/v1beta1
kind: Sidecar
metadata: {name: default, namespace: ${namespace}}
spec: {egress: [{hosts: [steps/*, ${hosts}]}]}
---`;
const web = 'outbound|80||web.shop.svc.cluster.local';
const ledger = 'outbound|80||ledger.bank.svc.cluster.local';

describe.each(['sotw', 'delta'] as const)('the scope of a sidecar (%s)', (variant) => {
  const open = (config: string): Promise<Mesh> =>
    Mesh.open({ config, proxy: { variant, type: 'sidecar' }, rds: ['80'] });
  const seen = (mesh: Mesh): readonly boolean[] => [web, ledger].map((name) => mesh.get('cds', name) !== undefined);
  const routed = (mesh: Mesh): readonly boolean[] =>
    ['web.shop.svc.cluster.local', 'ledger.bank.svc.cluster.local'].map(
      (host) => mesh.virtualHost('80', host) !== undefined,
    );

  it('is the whole mesh without a Sidecar, and what its egress names with one', async () => {
    const mesh = await open(services);
    expect([seen(mesh), routed(mesh)]).toEqual([
      [true, true],
      [true, true],
    ]);
    await mesh.write(services + sidecar('./*'));
    expect([seen(mesh), routed(mesh)]).toEqual([
      [true, false],
      [true, false],
    ]);
    await mesh.write(services + sidecar('bank/ledger.bank.svc.cluster.local'));
    expect(seen(mesh)).toEqual([false, true]);
    await mesh.write(services);
    expect(seen(mesh)).toEqual([true, true]);
  });

  it('is that of the Sidecar in the root namespace, if its own namespace has none', async () => {
    const mesh = await open(services + sidecar('./*', 'istio-system'));
    expect(seen(mesh)).toEqual([true, false]);
    await mesh.write(services + sidecar('./*', 'istio-system') + sidecar('bank/*'));
    expect(seen(mesh)).toEqual([false, true]);
  });

  it('does not contain what is exported to others only', async () => {
    const exported = (to: string): string =>
      service('shop', 'web') + service('bank', 'ledger', `, annotations: {networking.istio.io/exportTo: "${to}"}`);
    const mesh = await open(exported('.'));
    expect(seen(mesh)).toEqual([true, false]);
    await mesh.write(exported('shop'));
    expect(seen(mesh)).toEqual([true, true]);
  });
});
