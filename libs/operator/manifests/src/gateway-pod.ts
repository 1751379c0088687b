import type { ProxyPeers } from './mesh.ts';
import { identityMounts } from './mounts.ts';
import { containerSecurity, podSecurity } from './security.ts';
import type { ManifestOptions, Mount } from './service-spec.ts';

export const gatewayName = 'istio-ingressgateway';
const proxyUser = 1337;

const field = (name: string, fieldPath: string): object => ({ name, valueFrom: { fieldRef: { fieldPath } } });
const empty = { emptyDir: {} };

const mounts: readonly Mount[] = [
  { name: 'workload-socket', path: '/var/run/secrets/workload-spiffe-uds', source: empty },
  { name: 'credential-socket', path: '/var/run/secrets/credential-uds', source: empty },
  { name: 'workload-certs', path: '/var/run/secrets/workload-spiffe-credentials', source: empty },
  { name: 'istio-envoy', path: '/etc/istio/proxy', source: empty },
  { name: 'istio-data', path: '/var/lib/istio/data', source: empty },
  // The proxy's MeshConfig, with the address of its configuration.
  { name: 'config-volume', path: '/etc/istio/config', source: { configMap: { name: 'istio' } } },
  {
    name: 'podinfo',
    path: '/etc/istio/pod',
    source: {
      downwardAPI: {
        items: ['labels', 'annotations'].map((path) => ({ path, fieldRef: { fieldPath: `metadata.${path}` } })),
      },
    },
  },
  ...identityMounts,
];

/** The environment of pilot-agent, as in Istio's chart; `certificates` is the address of the CA. */
const buildEnvironment = (
  { namespace, trustDomain }: Pick<ManifestOptions, 'namespace' | 'trustDomain'>,
  certificates: string,
): readonly object[] => [
  { name: 'JWT_POLICY', value: 'third-party-jwt' },
  { name: 'PILOT_CERT_PROVIDER', value: 'istiod' },
  { name: 'CA_ADDR', value: certificates },
  field('NODE_NAME', 'spec.nodeName'),
  field('POD_NAME', 'metadata.name'),
  field('POD_NAMESPACE', 'metadata.namespace'),
  field('INSTANCE_IP', 'status.podIP'),
  field('HOST_IP', 'status.hostIP'),
  field('SERVICE_ACCOUNT', 'spec.serviceAccountName'),
  { name: 'ISTIO_META_WORKLOAD_NAME', value: gatewayName },
  {
    name: 'ISTIO_META_OWNER',
    value: `kubernetes://apis/apps/v1/namespaces/${namespace}/deployments/${gatewayName}`,
  },
  { name: 'ISTIO_META_MESH_ID', value: trustDomain },
  { name: 'TRUST_DOMAIN', value: trustDomain },
  { name: 'ISTIO_META_UNPRIVILEGED_POD', value: 'true' },
  { name: 'ISTIO_META_CLUSTER_ID', value: 'Kubernetes' },
  field('ISTIO_META_NODE_NAME', 'spec.nodeName'),
];

/** The pod of a gateway: the proxy as in Istio's chart istio-ingress, without rights that it does not use. */
export const gatewayPod = (
  { hub, tag, namespace, domain, trustDomain }: ManifestOptions,
  { certificates }: ProxyPeers,
): object => ({
  serviceAccountName: gatewayName,
  automountServiceAccountToken: false,
  terminationGracePeriodSeconds: 30,
  securityContext: podSecurity(proxyUser),
  containers: [
    {
      name: 'istio-proxy',
      image: `${hub}/proxyv2:${tag}`,
      args: [
        'proxy',
        'router',
        '--domain',
        `$(POD_NAMESPACE).svc.${domain}`,
        '--proxyLogLevel=warning',
        '--proxyComponentLogLevel=misc:error',
        '--log_output_level=default:info',
      ],
      env: buildEnvironment({ namespace, trustDomain }, certificates),
      ports: [
        { containerPort: 15_021 },
        { containerPort: 8080 },
        { containerPort: 8443 },
        { containerPort: 15_090, name: 'http-envoy-prom' },
      ],
      readinessProbe: {
        httpGet: { path: '/healthz/ready', port: 15_021 },
        periodSeconds: 2,
        timeoutSeconds: 3,
        failureThreshold: 30,
      },
      // Connections arrive until every node knows that the pod is leaving; then the proxy drains.
      lifecycle: { preStop: { sleep: { seconds: 10 } } },
      resources: { requests: { cpu: '100m', memory: '160Mi' } },
      securityContext: containerSecurity,
      volumeMounts: mounts.map(({ name, path }) => ({ name, mountPath: path })),
    },
  ],
  volumes: mounts.map(({ name, source }) => ({ name, ...source })),
});
