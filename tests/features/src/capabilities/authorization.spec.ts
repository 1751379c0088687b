import { describe, expect, it } from 'vitest';
import { Mesh, workload } from './mesh.fixture.ts';

const rbac = 'envoy.filters.http.rbac';
const policy = (namespace: string, spec: string): string => `
apiVersion: security.istio.io/v1beta1
kind: AuthorizationPolicy
metadata: {name: p, namespace: ${namespace}}
spec: ${spec}
---`;

describe.each(['sotw', 'delta'] as const)('authorization (%s)', (variant) => {
  const open = (config: string): Promise<Mesh> =>
    Mesh.open({ config: workload + config, proxy: { variant, type: 'sidecar', name: 'web' } });
  const inbound = (mesh: Mesh): string => JSON.stringify(mesh.get('lds', 'virtualInbound'));

  it('without a policy nothing is checked', async () =>
    expect((await open('')).httpFilters('virtualInbound')).not.toContain(rbac));

  it('a policy is enforced by the workloads that it selects, and follows its changes', async () => {
    const mesh = await open(
      policy('shop', '{selector: {matchLabels: {app: web}}, rules: [{to: [{operation: {paths: [/a]}}]}]}'),
    );
    expect(mesh.httpFilters('virtualInbound')).toContain(rbac);
    expect(inbound(mesh)).toContain('"exact":"/a"');
    await mesh.write(
      workload + policy('shop', '{selector: {matchLabels: {app: web}}, rules: [{to: [{operation: {paths: [/b]}}]}]}'),
    );
    expect(inbound(mesh)).toContain('"exact":"/b"');
    expect(inbound(mesh)).not.toContain('"exact":"/a"');
    await mesh.write(
      workload + policy('shop', '{selector: {matchLabels: {app: api}}, rules: [{to: [{operation: {paths: [/b]}}]}]}'),
    );
    expect(mesh.httpFilters('virtualInbound')).not.toContain(rbac);
  });

  it('a policy of the root namespace applies to every workload, one of another namespace does not', async () => {
    const denial = '{action: DENY, rules: [{from: [{source: {namespaces: [bank]}}]}]}';
    const mesh = await open(policy('bank', denial));
    expect(mesh.httpFilters('virtualInbound')).not.toContain(rbac);
    await mesh.write(workload + policy('istio-system', denial));
    expect(mesh.httpFilters('virtualInbound')).toContain(rbac);
    expect(inbound(mesh)).toContain('"action":"DENY"');
  });
});
