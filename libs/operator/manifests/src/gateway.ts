import { gatewayName, gatewayPod } from './gateway-pod.ts';
import { labelsOf, selectorOf } from './labels.ts';
import type { ProxyPeers } from './mesh.ts';
import { buildNetworkPolicy } from './network.ts';
import { buildAutoscaler, buildDisruptionBudget } from './scaling.ts';
import type { Manifest, ManifestOptions, ServicePort } from './service-spec.ts';

const name = gatewayName;
const gatewayPorts: readonly ServicePort[] = [
  { name: 'status-port', port: 15_021, purpose: 'readiness, for load balancers' },
  { name: 'http2', port: 80, containerPort: 8080, purpose: 'HTTP, as Gateways declare' },
  { name: 'https', port: 443, containerPort: 8443, purpose: 'HTTPS and TLS, as Gateways declare' },
];
const metricsPorts: readonly ServicePort[] = [
  { name: 'http-agent', port: 15_020, purpose: 'metrics of Envoy and its agent' },
  { name: 'http-envoy-prom', port: 15_090, purpose: 'metrics of Envoy' },
];
export const gatewayPodPorts: readonly ServicePort[] = [...gatewayPorts, ...metricsPorts];

/**
 * The ingress gateway. Its manifest contains the proxy instead of having it injected: everything is applied at once,
 * and a pod that is created before the webhook is registered would never get a proxy. Its ServiceAccount may list the
 * Secrets of its namespace, which citadel checks before it serves one; its pod has no token to read them itself.
 */
export function buildGateway(options: ManifestOptions, peers: ProxyPeers): readonly Manifest[] {
  const { namespace } = options;
  const labels = { ...labelsOf(name), istio: 'ingressgateway' };
  const metadata = { name, namespace, labels };
  const replicas = { least: 2, most: 5 };
  const selector = { ...selectorOf(name), istio: 'ingressgateway' };
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata, automountServiceAccountToken: false },
    ...buildSecretAccess(metadata),
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
            labels: { ...labels, 'sidecar.istio.io/inject': 'false' },
            annotations: {
              'prometheus.io/scrape': 'true',
              'prometheus.io/port': '15020',
              'prometheus.io/path': '/stats/prometheus',
            },
          },
          spec: gatewayPod(options, peers),
        },
      },
    },
    buildDisruptionBudget({ name }, options),
    ...buildAutoscaler({ name, replicas }, options),
    buildNetworkPolicy({ name, ports: gatewayPodPorts }, options),
  ];
}

interface GatewayMetadata {
  readonly name: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** The right to list Secrets, without which citadel serves the gateway no credentials. */
function buildSecretAccess(metadata: GatewayMetadata): readonly Manifest[] {
  const rbac = 'rbac.authorization.k8s.io';
  const sds = { ...metadata, name: `${name}-sds` };
  return [
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
      subjects: [{ kind: 'ServiceAccount', name, namespace: metadata.namespace }],
    },
  ];
}
