import { describe, expect, it } from 'vitest';
import { Mesh, messagesIn } from './mesh.fixture.ts';

const service = `
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {clusterIP: 10.8.0.1, ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  mesh: |
    extensionProviders:
    - {name: traces, zipkin: {service: web.shop.svc.cluster.local, port: 80}}
---`;
const telemetry = (spec: string, namespace = 'shop'): string => `
apiVersion: telemetry.istio.io/v1alpha1
kind: Telemetry
metadata: {name: t, namespace: ${namespace}}
spec: ${spec}
---`;
const listener = '0.0.0.0_80';

describe.each(['sotw', 'delta'] as const)('telemetry (%s)', (variant) => {
  const open = (config: string): Promise<Mesh> =>
    Mesh.open({ config: service + config, proxy: { variant, type: 'sidecar' } });
  const accessLogs = (mesh: Mesh): number => messagesIn(mesh.get('lds', listener), 'accessLog').length;

  it('access is logged where a Telemetry says so, by the provider that it names', async () => {
    const mesh = await open('');
    expect(accessLogs(mesh)).toBe(0);
    await mesh.write(service + telemetry('{accessLogging: [{providers: [{name: envoy}]}]}'));
    expect(accessLogs(mesh)).toBeGreaterThan(0);
    expect(JSON.stringify(mesh.get('lds', listener))).toContain('/dev/stdout');
    await mesh.write(service + telemetry('{accessLogging: [{providers: [{name: envoy}], disabled: true}]}'));
    expect(accessLogs(mesh)).toBe(0);
  });

  it('a Telemetry of the root namespace applies to the mesh, one of another namespace to that namespace', async () => {
    const logging = '{accessLogging: [{providers: [{name: envoy}]}]}';
    const mesh = await open(telemetry(logging, 'bank'));
    expect(accessLogs(mesh)).toBe(0);
    await mesh.write(service + telemetry(logging, 'istio-system'));
    expect(accessLogs(mesh)).toBeGreaterThan(0);
  });

  it('traces are sampled at the rate that a Telemetry sets', async () => {
    const tracing = (percentage: number): string =>
      telemetry(`{tracing: [{providers: [{name: traces}], randomSamplingPercentage: ${percentage}}]}`);
    const sampling = (mesh: Mesh): unknown =>
      messagesIn(mesh.get('lds', listener), 'tracing').map(({ randomSampling }) => randomSampling);
    const mesh = await open(tracing(10));
    expect(sampling(mesh)).toEqual([{ value: 10 }]);
    await mesh.write(service + tracing(25));
    expect(sampling(mesh)).toEqual([{ value: 25 }]);
  });
});
