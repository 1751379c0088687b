import { describe, expect, it } from 'vitest';
import { Mesh, messagesIn } from './mesh.fixture.ts';

const workload = `
apiVersion: v1
kind: Service
metadata: {name: gateway, namespace: shop}
spec:
  clusterIP: 10.8.0.9
  selector: {istio: gateway}
  ports: [{name: http, port: 80, targetPort: 8080}, {name: https, port: 443, targetPort: 8443}]
---
apiVersion: v1
kind: Pod
metadata: {name: gateway, namespace: shop, labels: {istio: gateway}}
spec: {containers: [], serviceAccountName: gateway}
status: {podIP: 10.0.0.1, phase: Running}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {clusterIP: 10.8.0.1, ports: [{name: http, port: 80}]}
---`;
const gateway = (servers: string): string => `${workload}
apiVersion: networking.istio.io/v1beta1
kind: Gateway
metadata: {name: edge, namespace: shop}
spec: {selector: {istio: gateway}, servers: ${servers}}
---`;
const routes = (http: string): string => `
apiVersion: networking.istio.io/v1beta1
kind: VirtualService
metadata: {name: web, namespace: shop}
spec: {hosts: [shop.test], gateways: [edge], http: ${http}}
---`;
const plain = '[{port: {number: 80, name: http, protocol: HTTP}, hosts: [shop.test]}]';
const toWeb = '[{route: [{destination: {host: web}}]}]';
const secure = (name: string): string =>
  `[{port: {number: 443, name: https, protocol: HTTPS}, hosts: [shop.test], tls: {mode: SIMPLE, credentialName: ${name}}}]`;

describe.each(['sotw', 'delta'] as const)('gateways (%s)', (variant) => {
  const open = (config: string): Promise<Mesh> =>
    Mesh.open({ config, proxy: { variant, metadata: { LABELS: { istio: 'gateway' } } }, rds: ['http.8080'] });

  it('listen on the ports of the Gateways that select them, and on no others', async () => {
    const mesh = await open(workload);
    expect(mesh.get('lds', '0.0.0.0_8080')).toBeUndefined();
    await mesh.write(gateway(plain) + routes(toWeb));
    expect(mesh.get('lds', '0.0.0.0_8080')).toMatchObject({ address: { socketAddress: { portValue: 8080 } } });
    await mesh.write(workload);
    expect(mesh.get('lds', '0.0.0.0_8080')).toBeUndefined();
  });

  it('route by the VirtualServices that name the Gateway, and know no host without one', async () => {
    const mesh = await open(gateway(plain));
    expect(mesh.virtualHost('http.8080', 'shop.test')).toBeUndefined();
    await mesh.write(gateway(plain) + routes(toWeb));
    expect(mesh.virtualHost('http.8080', 'shop.test')).toMatchObject({
      routes: [{ route: { cluster: 'outbound|80||web.shop.svc.cluster.local' } }],
    });
    await mesh.write(gateway(plain) + routes('[{redirect: {authority: www.shop.test}}]'));
    expect(mesh.virtualHost('http.8080', 'shop.test')).toMatchObject({
      routes: [{ redirect: { hostRedirect: 'www.shop.test' } }],
    });
  });

  it('terminate TLS with the Secret that the server names', async () => {
    const mesh = await open(gateway(secure('one')) + routes(toWeb));
    const named = (): readonly unknown[] =>
      messagesIn(mesh.get('lds', '0.0.0.0_8443'), 'tlsCertificateSdsSecretConfigs').map(({ name }) => name);
    expect(named()).toEqual(['kubernetes://one']);
    await mesh.write(gateway(secure('two')) + routes(toWeb));
    expect(named()).toEqual(['kubernetes://two']);
  });
});
