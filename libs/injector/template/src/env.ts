import {
  appContainers,
  annotationOr,
  hasAnnotation,
  interceptionMode,
  trustDomain,
  type TemplateInput,
} from './input.ts';
import type { EnvVar } from './pod.ts';

export const field = (name: string, fieldPath: string): EnvVar => ({ name, valueFrom: { fieldRef: { fieldPath } } });
const resource = (name: string, resourceName: string): EnvVar => ({
  name,
  valueFrom: { resourceFieldRef: { divisor: '0', resource: resourceName } },
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

/** Where the CA is, what proves who the pod is, and who it is. */
function identityEnv({ values: { global, revision } }: TemplateInput): EnvVar[] {
  const caAddress = global.caAddress || `istiod${revision ? `-${revision}` : ''}.${global.istioNamespace}.svc:15012`;
  return [
    env('JWT_POLICY', global.jwtPolicy),
    env('PILOT_CERT_PROVIDER', global.pilotCertProvider),
    env('CA_ADDR', caAddress),
    field('POD_NAME', 'metadata.name'),
    field('POD_NAMESPACE', 'metadata.namespace'),
    field('INSTANCE_IP', 'status.podIP'),
    field('SERVICE_ACCOUNT', 'spec.serviceAccountName'),
    field('HOST_IP', 'status.hostIP'),
  ];
}
/** The workload, for the node's metadata. */
const workloadEnv = ({ owner }: TemplateInput): EnvVar[] => [
  ...(owner.name ? [env('ISTIO_META_WORKLOAD_NAME', owner.name)] : []),
  ...(owner.name && owner.apiVersion
    ? [
        env(
          'ISTIO_META_OWNER',
          `kubernetes://apis/${owner.apiVersion}/namespaces/${owner.namespace || 'default'}/${owner.kind.toLowerCase()}s/${owner.name}`,
        ),
      ]
    : []),
];
/** The mesh, and the metadata that the proxy configuration adds. */
function meshEnv(input: TemplateInput): EnvVar[] {
  const meshId = input.values.global.meshID || trustDomain(input);
  return [
    ...(meshId ? [env('ISTIO_META_MESH_ID', meshId)] : []),
    ...(trustDomain(input) ? [env('TRUST_DOMAIN', trustDomain(input))] : []),
    ...metadataEnv(input),
  ];
}
const networkEnv = ({ values }: TemplateInput): EnvVar[] =>
  values.global.network ? [env('ISTIO_META_NETWORK', values.global.network)] : [];
const legacyProbeEnv = ({ legacyProbeDestination }: TemplateInput): EnvVar[] =>
  legacyProbeDestination ? [env('REWRITE_PROBE_LEGACY_LOCALHOST_DESTINATION', 'true')] : [];
const appContainersEnv = (input: TemplateInput): EnvVar =>
  env(
    'ISTIO_META_APP_CONTAINERS',
    appContainers(input)
      .map(({ name }) => name)
      .join(','),
  );
const nodeEnv = ({ values }: TemplateInput): EnvVar[] => [
  env('ISTIO_META_CLUSTER_ID', values.global.multiCluster.clusterName || 'Kubernetes'),
  field('ISTIO_META_NODE_NAME', 'spec.nodeName'),
];

/** Environment of istio-proxy: who the pod is, where the CA is, what goes into the node's metadata. */
export function proxyEnv(input: TemplateInput, kind: 'sidecar' | 'router'): EnvVar[] {
  const limits = [resource('GOMEMLIMIT', 'limits.memory'), resource('GOMAXPROCS', 'limits.cpu')];
  const containers = appContainersEnv(input);
  const mode =
    kind === 'sidecar'
      ? input.pod.metadata.annotations?.['sidecar.istio.io/interceptionMode'] || input.proxyConfig.interceptionMode
      : input.proxyConfig.interceptionMode;
  return [
    ...(kind === 'sidecar' ? legacyProbeEnv(input) : []),
    ...identityEnv(input),
    resource('ISTIO_CPU_LIMIT', 'limits.cpu'),
    env('PROXY_CONFIG', `${input.proxyConfigJson}\n`),
    env('ISTIO_META_POD_PORTS', podPorts(input)),
    ...(kind === 'sidecar' ? [containers, ...limits] : [...limits, containers]),
    ...nodeEnv(input),
    env('ISTIO_META_INTERCEPTION_MODE', mode || 'REDIRECT'),
    ...networkEnv(input),
    ...workloadEnv(input),
    ...(kind === 'sidecar' && hasAnnotation(input, 'sidecar.istio.io/bootstrapOverride')
      ? [env('ISTIO_BOOTSTRAP_OVERRIDE', '/etc/istio/custom-bootstrap/custom_bootstrap.json')]
      : []),
    ...meshEnv(input),
  ];
}

/** Environment of an agent without Envoy: it serves the application's own gRPC. */
export const grpcAgentEnv = (input: TemplateInput): EnvVar[] => [
  env('ISTIO_META_GENERATOR', 'grpc'),
  env('OUTPUT_CERTS', '/var/lib/istio/data'),
  ...legacyProbeEnv(input),
  ...identityEnv(input),
  env('PROXY_CONFIG', `${input.proxyConfigJson}\n`),
  env('ISTIO_META_POD_PORTS', podPorts(input)),
  appContainersEnv(input),
  ...nodeEnv(input),
  ...networkEnv(input),
  ...workloadEnv(input),
  ...meshEnv(input),
  // The application resolves xds:/// names itself.
  env('ISTIO_META_DNS_CAPTURE', 'false'),
  env('DISABLE_ENVOY', 'true'),
];

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
