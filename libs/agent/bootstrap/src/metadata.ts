import { MeshProxyConfig, writeProtoJson } from '@flotilla/model';
import { err, ok, readJsonObject } from '@flotilla/std';
import type { Result } from '@flotilla/std';
import type { Platform } from './platform.ts';
import { typedMetadata } from './typed-metadata.ts';

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
  /** The part of the metadata that Istio knows by name: proxyless gRPC applications are given no more. */
  readonly typed: Readonly<Record<string, unknown>>;
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
  readonly platform?: Platform;
}

const maxEntry = 256 * 1024;
export const proxyConfigJson = (config: MeshProxyConfig): Record<string, unknown> =>
  writeProtoJson(MeshProxyConfig, config) as Record<string, unknown>;

/**
 * The node from environment (ISTIO_META_*, ISTIO_METAJSON_*, POD_NAME ...), downward API and proxy configuration, as
 * Istio 1.19's bootstrap package builds it. An ISTIO_METAJSON_ variable that is not a JSON object is ignored. Fails for
 * a variable that is too long, and for a member of another type than Istio's.
 */
export function buildNode(input: NodeInput): Result<Node> {
  const given = untypedMetadata(input);
  if (!given.ok) return given;
  const raw = given.value;
  const known = typedMetadata(raw);
  if (!known.ok) return known;
  const { env, platform } = input;
  const instanceLabels = textMembers(env['ISTIO_METAJSON_LABELS']);
  const { 'pod-template-hash': _, ...podLabels } = input.podLabels ?? {};
  const labels = withLocality({ ...instanceLabels, ...podLabels });
  const annotations = { ...textMembers(env['ISTIO_METAJSON_ANNOTATIONS']), ...input.podAnnotations };
  const namespace = env['POD_NAMESPACE'];
  const typed: Record<string, unknown> = {
    ...known.value,
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
    ISTIO_VERSION: known.value['ISTIO_VERSION'] ?? input.istioVersion,
    INSTANCE_IPS: [...new Set(input.instanceIps)].join(','),
    ENVOY_STATUS_PORT: input.envoyStatusPort,
    ENVOY_PROMETHEUS_PORT: input.envoyPrometheusPort,
    PROXY_CONFIG: proxyConfigJson(input.proxyConfig),
    ...(input.pilotSans.length > 0 ? { PILOT_SAN: input.pilotSans } : {}),
  };
  const workload = String(known.value['WORKLOAD_NAME'] ?? '');
  return ok({
    id: input.id,
    cluster: serviceCluster(input.proxyConfig, { labels, workload, namespace: namespace ?? '' }),
    locality: labels['istio-locality'] ? localityOf(labels['istio-locality']) : (platform?.locality ?? {}),
    metadata: { ...raw, ...typed },
    typed,
    labels,
    annotations,
  });
}

/** ISTIO_META_ variables: those of the proxy configuration, over which those of the environment lie. */
function untypedMetadata({ env, proxyConfig }: NodeInput): Result<Record<string, unknown>> {
  const raw: Record<string, unknown> = {};
  for (const [name, value] of [...Object.entries(proxyConfig.proxyMetadata ?? {}), ...Object.entries(env)]) {
    if (!name.startsWith('ISTIO_META_') || value === undefined) continue;
    if (value.length > maxEntry) return err(`${name} is longer than ${maxEntry} characters`);
    raw[name.slice('ISTIO_META_'.length)] = value;
  }
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith('ISTIO_METAJSON_') || value === undefined) continue;
    if (value.length > maxEntry) return err(`${name} is longer than ${maxEntry} characters`);
    const json = readJsonObject(value);
    if (json.ok) Object.assign(raw, json.value);
  }
  return ok(raw);
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

const optional = (name: string, members: Readonly<Record<string, string>>): Record<string, unknown> =>
  Object.keys(members).length > 0 ? { [name]: members } : {};
function textMembers(json: string | undefined): Record<string, string> {
  const parsed = readJsonObject(json ?? '{}');
  return parsed.ok ? Object.fromEntries(Object.entries(parsed.value).map(([key, value]) => [key, String(value)])) : {};
}
