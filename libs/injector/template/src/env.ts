import {
  appContainers,
  annotationOr,
  hasAnnotation,
  interceptionMode,
  trustDomain,
  type TemplateInput,
} from './input.ts';
import type { EnvVar } from './pod.ts';

const field = (name: string, fieldPath: string): EnvVar => ({ name, valueFrom: { fieldRef: { fieldPath } } });
const resource = (name: string, what: string): EnvVar => ({
  name,
  valueFrom: { resourceFieldRef: { divisor: '0', resource: what } },
});
const env = (name: string, value: string | undefined): EnvVar => ({ name, ...(value ? { value } : {}) });

/** The ports of all containers as a JSON list, one a line. */
const podPorts = ({ pod }: TemplateInput): string => {
  const ports = pod.spec.containers
    .flatMap((container) => container.ports ?? [])
    .map(({ name, hostPort, containerPort, protocol, hostIP }) =>
      JSON.stringify({
        ...(name ? { name } : {}),
        ...(hostPort ? { hostPort } : {}),
        ...(containerPort ? { containerPort } : {}),
        ...(protocol ? { protocol } : {}),
        ...(hostIP ? { hostIP } : {}),
      }),
    );
  return `[${ports.map((port, i) => `\n    ${i > 0 ? ',' : ''}${port}`).join('')}\n]`;
};
const metadataEnv = ({ proxyConfig }: TemplateInput): EnvVar[] =>
  Object.entries(proxyConfig.proxyMetadata ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => env(name, value));

/** Environment of the init container. */
export const initEnv = metadataEnv;

/** Environment of istio-proxy: who the pod is, where the CA is, what goes into the node's metadata. */
export function proxyEnv(input: TemplateInput, kind: 'sidecar' | 'router'): EnvVar[] {
  const {
    values: { global, revision },
    owner,
  } = input;
  const caAddress = global.caAddress || `istiod${revision ? `-${revision}` : ''}.${global.istioNamespace}.svc:15012`;
  const apps = appContainers(input)
    .map(({ name }) => name)
    .join(',');
  const limits = [resource('GOMEMLIMIT', 'limits.memory'), resource('GOMAXPROCS', 'limits.cpu')];
  const containers = env('ISTIO_META_APP_CONTAINERS', apps);
  const mode =
    kind === 'sidecar'
      ? input.pod.metadata.annotations?.['sidecar.istio.io/interceptionMode'] || input.proxyConfig.interceptionMode
      : input.proxyConfig.interceptionMode;
  const meshId = global.meshID || trustDomain(input);
  return [
    env('JWT_POLICY', global.jwtPolicy),
    env('PILOT_CERT_PROVIDER', global.pilotCertProvider),
    env('CA_ADDR', caAddress),
    field('POD_NAME', 'metadata.name'),
    field('POD_NAMESPACE', 'metadata.namespace'),
    field('INSTANCE_IP', 'status.podIP'),
    field('SERVICE_ACCOUNT', 'spec.serviceAccountName'),
    field('HOST_IP', 'status.hostIP'),
    resource('ISTIO_CPU_LIMIT', 'limits.cpu'),
    env('PROXY_CONFIG', `${input.proxyConfigJson}\n`),
    env('ISTIO_META_POD_PORTS', podPorts(input)),
    ...(kind === 'sidecar' ? [containers, ...limits] : [...limits, containers]),
    env('ISTIO_META_CLUSTER_ID', global.multiCluster.clusterName || 'Kubernetes'),
    field('ISTIO_META_NODE_NAME', 'spec.nodeName'),
    env('ISTIO_META_INTERCEPTION_MODE', mode || 'REDIRECT'),
    ...(global.network ? [env('ISTIO_META_NETWORK', global.network)] : []),
    ...(owner.name ? [env('ISTIO_META_WORKLOAD_NAME', owner.name)] : []),
    ...(owner.name && owner.apiVersion
      ? [
          env(
            'ISTIO_META_OWNER',
            `kubernetes://apis/${owner.apiVersion}/namespaces/${owner.namespace || 'default'}/${owner.kind.toLowerCase()}s/${owner.name}`,
          ),
        ]
      : []),
    ...(kind === 'sidecar' && hasAnnotation(input, 'sidecar.istio.io/bootstrapOverride')
      ? [env('ISTIO_BOOTSTRAP_OVERRIDE', '/etc/istio/custom-bootstrap/custom_bootstrap.json')]
      : []),
    ...(meshId ? [env('ISTIO_META_MESH_ID', meshId)] : []),
    ...(trustDomain(input) ? [env('TRUST_DOMAIN', trustDomain(input))] : []),
    ...metadataEnv(input),
  ];
}

/** Arguments of pilot-agent. */
export function proxyArgs(input: TemplateInput, kind: 'sidecar' | 'router'): string[] {
  const { proxy, logging, sts, logAsJson } = input.values.global;
  return [
    'proxy',
    kind,
    '--domain',
    `$(POD_NAMESPACE).svc.${proxy.clusterDomain}`,
    `--proxyLogLevel=${annotationOr(input, 'sidecar.istio.io/logLevel', proxy.logLevel)}`,
    `--proxyComponentLogLevel=${annotationOr(input, 'sidecar.istio.io/componentLogLevel', proxy.componentLogLevel)}`,
    `--log_output_level=${annotationOr(input, 'sidecar.istio.io/agentLogLevel', logging.level)}`,
    ...(sts.servicePort ? [`--stsPort=${sts.servicePort}`] : []),
    ...(logAsJson ? ['--log_as_json'] : []),
  ];
}

export const usesTproxy = (input: TemplateInput): boolean => interceptionMode(input) === 'TPROXY';
