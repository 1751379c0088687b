import { MeshProxyConfig, writeProtoJson } from '@flotilla/model';
import { err, ok, readJson, readJsonObject } from '@flotilla/std';
import type { Result } from '@flotilla/std';

export type Environment = Readonly<Record<string, string | undefined>>;
export interface Locality {
  readonly region?: string;
  readonly zone?: string;
  readonly sub_zone?: string;
}

/** What a proxy says of itself: the node of its bootstrap. */
export interface Node {
  readonly id: string;
  readonly cluster: string;
  readonly locality: Locality;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface NodeInput {
  /** sidecar, router or waypoint. */
  readonly id: string;
  readonly instanceIps: readonly string[];
  readonly env: Environment;
  readonly proxyConfig: MeshProxyConfig;
  /** From the downward API. */
  readonly podLabels?: Readonly<Record<string, string>>;
  readonly podAnnotations?: Readonly<Record<string, string>>;
  readonly istioVersion: string;
  readonly pilotSans: readonly string[];
  readonly outlierLogPath?: string;
  readonly stsPort?: number;
  readonly envoyStatusPort: number;
  readonly envoyPrometheusPort: number;
  readonly exitOnZeroActiveConnections?: boolean;
  readonly platform?: { readonly metadata: Readonly<Record<string, string>>; readonly locality: Locality };
}

const maxEntry = 256 * 1024;
export const proxyConfigJson = (config: MeshProxyConfig): Record<string, unknown> =>
  writeProtoJson(MeshProxyConfig, config) as Record<string, unknown>;

/**
 * The node from environment (ISTIO_META_*, ISTIO_METAJSON_*, POD_NAME ...), downward API and proxy configuration, as
 * Istio 1.19's bootstrap package builds it. Fails for an ISTIO_METAJSON_ variable that is not a JSON object.
 */
export function buildNode(input: NodeInput): Result<Node> {
  let raw: Readonly<Record<string, unknown>> = {};
  for (const [name, value] of Object.entries(input.env)) {
    if (!name.startsWith('ISTIO_META') || value === undefined) continue;
    if (value.length > maxEntry) return err(`${name} is longer than ${maxEntry} characters`);
    if (name.startsWith('ISTIO_META_')) raw = { ...raw, [name.slice('ISTIO_META_'.length)]: value };
    else if (name.startsWith('ISTIO_METAJSON_')) {
      const json = readJsonObject(value);
      if (!json.ok) return err(`failed to parse ${name}: ${json.error.message}`);
      raw = { ...raw, ...json.value };
    }
  }
  const { env, platform } = input;
  const instanceLabels = textMembers(env['ISTIO_METAJSON_LABELS']);
  const labels = withLocality({ ...instanceLabels, ...input.podLabels });
  delete labels['pod-template-hash'];
  const annotations = { ...textMembers(env['ISTIO_METAJSON_ANNOTATIONS']), ...input.podAnnotations };
  const namespace = env['POD_NAMESPACE'];
  const metadata: Record<string, unknown> = {
    ...raw,
    ...optional('ANNOTATIONS', annotations),
    ...optional('LABELS', labels),
    ...optional('STATIC_LABELS', withLocality(instanceLabels)),
    ...optional('PLATFORM_METADATA', platform?.metadata ?? {}),
    ...(env['POD_NAME'] ? { NAME: env['POD_NAME'] } : {}),
    ...(namespace ? { NAMESPACE: namespace } : {}),
    ...(env['SERVICE_ACCOUNT'] ? { SERVICE_ACCOUNT: env['SERVICE_ACCOUNT'] } : {}),
    ...(input.stsPort ? { STS_PORT: String(input.stsPort) } : {}),
    ...(input.outlierLogPath ? { OUTLIER_LOG_PATH: input.outlierLogPath } : {}),
    ...(input.exitOnZeroActiveConnections ? { EXIT_ON_ZERO_ACTIVE_CONNECTIONS: 'true' } : {}),
    ...podPorts(raw['POD_PORTS']),
    ISTIO_VERSION: typeof raw['ISTIO_VERSION'] === 'string' ? raw['ISTIO_VERSION'] : input.istioVersion,
    INSTANCE_IPS: [...new Set(input.instanceIps)].join(','),
    ENVOY_STATUS_PORT: input.envoyStatusPort,
    ENVOY_PROMETHEUS_PORT: input.envoyPrometheusPort,
    PROXY_CONFIG: proxyConfigJson(input.proxyConfig),
    PILOT_SAN: input.pilotSans,
  };
  const workload = typeof raw['WORKLOAD_NAME'] === 'string' ? raw['WORKLOAD_NAME'] : '';
  return ok({
    id: input.id,
    cluster: serviceCluster(input.proxyConfig, { labels, workload, namespace: namespace ?? '' }),
    locality: labels['istio-locality'] ? localityOf(labels['istio-locality']) : (platform?.locality ?? {}),
    metadata,
    labels,
    annotations,
  });
}

/**
 * The node's cluster: what the proxy configuration names, else by app label or canonical name, workload and namespace
 * (getServiceCluster).
 */
function serviceCluster(
  { serviceCluster: given, tracingServiceName }: MeshProxyConfig,
  { labels, workload, namespace }: { labels: Record<string, string>; workload: string; namespace: string },
): string {
  const orDefault = (name: string): string => {
    if (name !== '' && name !== 'istio-proxy') return name;
    if (labels['app'] !== undefined) return `${labels['app']}.${namespace}`;
    if (workload) return `${workload}.${namespace}`;
    return namespace ? `istio-proxy.${namespace}` : 'istio-proxy';
  };
  const canonical =
    labels['service.istio.io/canonical-name'] ||
    labels['app.kubernetes.io/name'] ||
    labels['app'] ||
    workload ||
    'istio-proxy';
  switch (tracingServiceName) {
    case undefined:
      return orDefault(given ?? '');
    case 'CANONICAL_NAME_ONLY':
      return orDefault(canonical);
    case 'CANONICAL_NAME_AND_NAMESPACE':
      return namespace ? `${canonical}.${namespace}` : orDefault(canonical);
    default:
      return orDefault('istio-proxy');
  }
}

function localityOf(label: string): Locality {
  const [region = '', zone, subZone] = label.split('/');
  return { region, ...(zone ? { zone } : {}), ...(subZone ? { sub_zone: subZone } : {}) };
}

/** A locality in a label has dots for slashes, since slashes are not allowed there. */
function withLocality(labels: Readonly<Record<string, string>>): Record<string, string> {
  const label = labels['istio-locality'];
  return label === undefined
    ? { ...labels }
    : { ...labels, 'istio-locality': label.includes('/') ? label : label.replaceAll('.', '/') };
}

/** Container ports, written again without blanks; what lists none stays as it is. */
function podPorts(raw: unknown): Record<string, unknown> {
  if (typeof raw !== 'string') return {};
  const read = readJson(raw);
  if (!read.ok || !Array.isArray(read.value) || read.value.length === 0 || read.value.includes(null)) return {};
  const ports = read.value as { name?: unknown; containerPort?: unknown; protocol?: unknown }[];
  return {
    POD_PORTS: JSON.stringify(
      ports.map(({ name, containerPort, protocol }) => ({
        ...(name ? { name } : {}),
        ...(containerPort ? { containerPort } : {}),
        protocol: protocol ?? '',
      })),
    ),
  };
}

const optional = (name: string, members: Readonly<Record<string, string>>): Record<string, unknown> =>
  Object.keys(members).length > 0 ? { [name]: members } : {};
function textMembers(json: string | undefined): Record<string, string> {
  const parsed = readJsonObject(json ?? '{}');
  return parsed.ok ? Object.fromEntries(Object.entries(parsed.value).map(([key, value]) => [key, String(value)])) : {};
}
/** Google Cloud's metadata as GCP_METADATA carries it: project, number, cluster, location. */
export function parseGcpMetadata(text: string): NonNullable<NodeInput['platform']> {
  const [project = '', number = '', cluster = '', location = ''] = text.split('|');
  const zone = /^(.+)-[a-z]$/.exec(location);
  const metadata = {
    ...(project ? { gcp_project: project } : {}),
    ...(number ? { gcp_project_number: number } : {}),
    ...(location ? { gcp_location: location } : {}),
    ...(cluster ? { gcp_gke_cluster_name: cluster } : {}),
    ...(project && cluster && location
      ? {
          gcp_gke_cluster_url: `https://container.googleapis.com/v1/projects/${project}/locations/${location}/clusters/${cluster}`,
        }
      : {}),
  };
  return { metadata, locality: location ? { region: zone?.[1] ?? location, ...(zone ? { zone: location } : {}) } : {} };
}
