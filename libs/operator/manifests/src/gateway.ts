import { labelsOf, selectorOf } from './labels.ts';
import { buildNetworkPolicy } from './network.ts';
import { buildAutoscaler, buildDisruptionBudget } from './scaling.ts';
import { containerSecurity, podSecurity } from './security.ts';
import type { Manifest, ManifestOptions, ServicePort } from './service-spec.ts';

const name = 'istio-ingressgateway';
const proxyUser = 1337;
export const gatewayName = name;

export const gatewayPorts: readonly ServicePort[] = [
  { name: 'status-port', port: 15_021, purpose: 'readiness, for load balancers' },
  { name: 'http2', port: 80, containerPort: 8080, purpose: 'HTTP, as Gateways declare' },
  { name: 'https', port: 443, containerPort: 8443, purpose: 'HTTPS and TLS, as Gateways declare' },
];
const metricsPort: ServicePort = { name: 'http-envoy-prom', port: 15_090, purpose: 'metrics of Envoy' };
export const gatewayPodPorts: readonly ServicePort[] = [...gatewayPorts, metricsPort];

/**
 * The ingress gateway. Its container is the proxy, which the injector fills in (Istio documentation, "Installing
 * Gateways", gateway injection), so that it changes with the control plane. It reads the Secrets of its namespace:
 * not with its token, which its pod does not have, but citadel asks whether it might.
 */
export function buildGateway(options: ManifestOptions): readonly Manifest[] {
  const { namespace } = options;
  const labels = { ...labelsOf(name), istio: 'ingressgateway' };
  const metadata = { name, namespace, labels };
  const replicas = { least: 2, most: 5 };
  const selector = { ...selectorOf(name), istio: 'ingressgateway' };
  const rbac = 'rbac.authorization.k8s.io';
  const sds = { ...metadata, name: `${name}-sds` };
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata, automountServiceAccountToken: false },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'Role',
      metadata: sds,
      rules: [{ apiGroups: [''], resources: ['secrets'], verbs: ['list'] }],
    },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'RoleBinding',
      metadata: sds,
      roleRef: { apiGroup: rbac, kind: 'Role', name: sds.name },
      subjects: [{ kind: 'ServiceAccount', name, namespace }],
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: {
        type: 'LoadBalancer',
        selector,
        ports: gatewayPorts.map(({ name, port, containerPort = port }) => ({
          name,
          port,
          targetPort: containerPort,
          protocol: 'TCP',
        })),
      },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: {
        selector: { matchLabels: selector },
        strategy: { rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
        template: {
          metadata: {
            labels: { ...labels, 'sidecar.istio.io/inject': 'true' },
            annotations: { 'inject.istio.io/templates': 'gateway' },
          },
          spec: {
            serviceAccountName: name,
            automountServiceAccountToken: false,
            terminationGracePeriodSeconds: 30,
            securityContext: podSecurity(proxyUser),
            containers: [
              {
                name: 'istio-proxy',
                image: 'auto',
                ports: gatewayPorts.map(({ name, port, containerPort = port }) => ({ name, containerPort })),
                resources: { requests: { cpu: '100m', memory: '160Mi' } },
                securityContext: { ...containerSecurity, runAsNonRoot: true },
              },
            ],
          },
        },
      },
    },
    buildDisruptionBudget({ name }, options),
    ...buildAutoscaler({ name, replicas }, options),
    buildNetworkPolicy({ name, ports: gatewayPodPorts }, options),
  ];
}
