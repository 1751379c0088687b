import type { EnvoyFilter } from '@flotilla/model';
import { jsonMistake, type Json } from '@flotilla/proto-gen/json';
import { re2Mistake } from './regex.ts';
import { quoted, type Report } from './report.ts';
import { noLabels, selectorMistakes } from './selector.ts';

type Patch = NonNullable<EnvoyFilter['configPatches']>[number];
const connectionManager = 'envoy.filters.network.http_connection_manager';

/** Names that Envoy no longer knows filters by, and today's. */
const oldNames: Readonly<Record<string, string>> = {
  'envoy.buffer': 'envoy.filters.http.buffer',
  'envoy.cors': 'envoy.filters.http.cors',
  'envoy.csrf': 'envoy.filters.http.csrf',
  'envoy.ext_authz': 'envoy.filters.http.ext_authz',
  'envoy.fault': 'envoy.filters.http.fault',
  'envoy.grpc_http1_bridge': 'envoy.filters.http.grpc_http1_bridge',
  'envoy.grpc_json_transcoder': 'envoy.filters.http.grpc_json_transcoder',
  'envoy.grpc_web': 'envoy.filters.http.grpc_web',
  'envoy.gzip': 'envoy.filters.http.gzip',
  'envoy.health_check': 'envoy.filters.http.health_check',
  'envoy.http_connection_manager': connectionManager,
  'envoy.ip_tagging': 'envoy.filters.http.ip_tagging',
  'envoy.lua': 'envoy.filters.http.lua',
  'envoy.rate_limit': 'envoy.filters.http.ratelimit',
  'envoy.router': 'envoy.filters.http.router',
  'envoy.squash': 'envoy.filters.http.squash',
  'envoy.client_ssl_auth': 'envoy.filters.network.client_ssl_auth',
  'envoy.echo': 'envoy.filters.network.echo',
  'envoy.mongo_proxy': 'envoy.filters.network.mongo_proxy',
  'envoy.ratelimit': 'envoy.filters.network.ratelimit',
  'envoy.redis_proxy': 'envoy.filters.network.redis_proxy',
  'envoy.tcp_proxy': 'envoy.filters.network.tcp_proxy',
  'envoy.listener.http_inspector': 'envoy.filters.listener.http_inspector',
  'envoy.listener.original_dst': 'envoy.filters.listener.original_dst',
  'envoy.listener.original_src': 'envoy.filters.listener.original_src',
  'envoy.listener.proxy_protocol': 'envoy.filters.listener.proxy_protocol',
  'envoy.listener.tls_inspector': 'envoy.filters.listener.tls_inspector',
};

/**
 * networking.istio.io EnvoyFilter (Istio 1.19, ValidateEnvoyFilter). What Envoy itself would refuse of a value, or does
 * not know, is not looked for.
 */
export function checkEnvoyFilter(spec: EnvoyFilter, report: Report): void {
  const inSelector = selectorMistakes(spec.workloadSelector?.labels);
  for (const mistake of inSelector) report.error('spec.workloadSelector.labels', mistake);
  if (inSelector.length > 0) return;
  if (spec.workloadSelector && Object.keys(spec.workloadSelector.labels ?? {}).length === 0) {
    report.warn('spec.workloadSelector', `Envoy filter: ${noLabels}, will be applied to all services in namespace`);
  }
  for (const [i, patch] of (spec.configPatches ?? []).entries()) checkPatch(patch, `spec.configPatches[${i}]`, report);
}

function checkPatch(patch: Patch, path: string, report: Report): void {
  const first = missingPart(patch) ?? versionMistake(patch);
  if (first !== undefined) return report.error(path, `Envoy filter: ${first}`);
  checkValue(patch, `${path}.patch.value`, report);
  const mistake = matchMistake(patch);
  report.error(`${path}.match`, mistake && `Envoy filter: ${mistake}`);
  const filter = patch.match?.listener?.filterChain?.filter;
  if (mistake !== undefined || !filter) return;
  if (patch.applyTo === 'LISTENER' || patch.applyTo === 'FILTER_CHAIN')
    report.warn(`${path}.match`, `Envoy filter: filter match has no effect when used with ${patch.applyTo}`);
  for (const name of [filter.name, filter.subFilter?.name]) {
    const now = name === undefined ? undefined : oldNames[name];
    if (now)
      report.warn(`${path}.match`, `using deprecated filter name ${quoted(name ?? '')}; use ${quoted(now)} instead`);
  }
}

function missingPart({ applyTo = 'INVALID', patch }: Patch): string | undefined {
  if (applyTo === 'INVALID') return 'missing applyTo';
  if (!patch) return 'missing patch';
  if ((patch.operation ?? 'INVALID') === 'INVALID') return 'missing patch operation';
  return patch.operation !== 'REMOVE' && !patch.value ? 'missing patch value for non-remove operation' : undefined;
}

function versionMistake({ match }: Patch): string | undefined {
  const mistake = match?.proxy?.proxyVersion ? re2Mistake(match.proxy.proxyVersion) : undefined;
  return mistake && `invalid regex for proxy version, [${mistake}]`;
}

/** The message that a patch's value is, by what it applies to. */
const messages: Readonly<Record<string, string>> = {
  CLUSTER: 'envoy.config.cluster.v3.Cluster',
  LISTENER: 'envoy.config.listener.v3.Listener',
  LISTENER_FILTER: 'envoy.config.listener.v3.ListenerFilter',
  FILTER_CHAIN: 'envoy.config.listener.v3.FilterChain',
  NETWORK_FILTER: 'envoy.config.listener.v3.Filter',
  HTTP_FILTER: 'envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter',
  ROUTE_CONFIGURATION: 'envoy.config.route.v3.RouteConfiguration',
  VIRTUAL_HOST: 'envoy.config.route.v3.VirtualHost',
  HTTP_ROUTE: 'envoy.config.route.v3.Route',
  EXTENSION_CONFIG: 'envoy.config.core.v3.TypedExtensionConfig',
};
/** Packages whose messages may exist although these descriptors do not have them. */
const packages = /^(?:envoy|istio|xds|udpa|google|opencensus|opentelemetry|stats|io|validate|grpc|cel)\./;

/** Why a type of a nested message is unknown: version 2 of Envoy's API is gone, others are in no known package. */
function unknownType(value: unknown): string | undefined {
  const [name] = typesIn(value, 0).filter(
    (type) =>
      /^type\.googleapis\.com\/envoy\..*\.v2(alpha\d*)?\./.test(type) || !packages.test(type.replace(/^.*\//, '')),
  );
  if (name === undefined) return undefined;
  const hint = name.includes('.v2.') || name.includes('.v2alpha') ? ' (hint: try using the v3 XDS API)' : '';
  return `referenced type unknown${hint}: Envoy filter: could not resolve Any message type: ${name}`;
}

/**
 * A value has the shape of Envoy's message: its types exist, and its members have their types. A filter without
 * configuration can't be found.
 */
function checkValue({ applyTo, patch }: Patch, path: string, report: Report): void {
  const value = patch?.value;
  if (!value) return;
  const message = messages[applyTo ?? ''];
  const shape = message === undefined ? undefined : jsonMistake(message, value as Json);
  const mistake = unknownType(value) ?? (shape && `Envoy filter: ${shape}`);
  report.error(path, mistake);
  const isFilter = applyTo === 'NETWORK_FILTER' || applyTo === 'HTTP_FILTER';
  if (
    mistake !== undefined ||
    !isFilter ||
    ['typed_config', 'typedConfig', 'config_discovery', 'configDiscovery'].some((field) => value[field] !== undefined)
  )
    return;
  report.warn(
    path,
    `using deprecated types by name without typed_config; ${typeof value['name'] === 'string' ? value['name'] : ''}`,
  );
}

function typesIn(value: unknown, depth: number): string[] {
  if (typeof value !== 'object' || value === null || depth > 100) return [];
  return Object.entries(value).flatMap(([key, item]: [string, unknown]) =>
    key === '@type' && typeof item === 'string' ? [item] : typesIn(item, depth + 1),
  );
}

/** A match is of the kind that the patch applies to. */
function matchMistake({ applyTo = 'INVALID', match = {} }: Patch): string | undefined {
  const { listener, routeConfiguration, cluster } = match;
  if (!listener && !routeConfiguration && !cluster) return undefined;
  switch (applyTo) {
    case 'LISTENER':
    case 'FILTER_CHAIN':
    case 'NETWORK_FILTER':
    case 'HTTP_FILTER': {
      if (!listener) return 'applyTo for listener class objects cannot have non listener match';
      const filter = listener.filterChain?.filter;
      if (!filter) return undefined;
      if (!filter.name) return 'filter match has no name to match on';
      if (!filter.subFilter) return undefined;
      if (applyTo !== 'HTTP_FILTER') return 'subfilter match can be used with applyTo HTTP_FILTER only';
      if (filter.name !== connectionManager && oldNames[filter.name] !== connectionManager)
        return `subfilter match requires filter match with ${connectionManager}`;
      return filter.subFilter.name ? undefined : 'subfilter match has no name to match on';
    }
    case 'ROUTE_CONFIGURATION':
    case 'VIRTUAL_HOST':
    case 'HTTP_ROUTE':
      return routeConfiguration
        ? undefined
        : 'applyTo for http route class objects cannot have non route configuration match';
    case 'CLUSTER':
      return cluster ? undefined : 'applyTo for cluster class objects cannot have non cluster match';
    default:
      return undefined;
  }
}
