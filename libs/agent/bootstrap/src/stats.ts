import type { MeshProxyConfig } from '@flotilla/model';
import { readJsonObject } from '@flotilla/std';
import type { Node } from './metadata.ts';

type Json = Record<string, unknown>;

const address = '((?:[_.[:digit:]]*|[_\\[\\]aAbBcCdDeEfF[:digit:]]*))';
const tagsBefore: readonly [string, string][] = [
  ['cluster_name', '^cluster\\.((.+?(\\..+?\\.svc\\.cluster\\.local)?)\\.)'],
  ['tcp_prefix', '^tcp\\.((.*?)\\.)\\w+?$'],
  ['response_code', '_rq(_(\\d{3}))$'],
  ['response_code_class', '_rq(_(\\dxx))$'],
  ['http_conn_manager_listener_prefix', `^listener(?=\\.).*?\\.http\\.((${address.slice(1, -1)})\\.)`],
  ['http_conn_manager_prefix', `^http\\.((${address.slice(1, -1)})\\.)`],
  ['listener_address', `^listener\\.((${address.slice(1, -1)})\\.)`],
  ['mongo_prefix', '^mongo\\.(.+?)\\.(collection|cmd|cx_|op_|delays_|decoding_)(.*?)$'],
];
const tagsAfter: readonly [string, string][] = [
  ['cache', '(cache\\.(.+?)\\.)'],
  ['component', '(component\\.(.+?)\\.)'],
  ['tag', '(tag\\.(.+?);\\.)'],
  ['wasm_filter', '(wasm_filter\\.(.+?)\\.)'],
  ['authz_enforce_result', 'rbac(\\.(allowed|denied))'],
  ['authz_dry_run_action', '(\\.istio_dry_run_(allow|deny)_)'],
  ['authz_dry_run_result', '(\\.shadow_(allowed|denied))'],
];

export interface StatsInput {
  readonly node: Pick<Node, 'annotations'>;
  readonly proxyConfig: MeshProxyConfig;
  readonly instanceIps: readonly string[];
  readonly metadataDiscovery: boolean;
  readonly exitOnZeroActiveConnections: boolean;
}

/**
 * Which statistics Envoy keeps and how it tags them: Istio's, plus those of annotations, else of the proxy
 * configuration.
 */
export function buildStatsConfig(input: StatsInput): Json {
  const { node, proxyConfig } = input;
  const { annotations } = node;
  const extra = [
    ...new Set([
      ...(proxyConfig.extraStatTags ?? []),
      ...(annotations['sidecar.istio.io/extraStatTags'] ?? '').split(','),
    ]),
  ].filter(Boolean);
  const tag = ([name, regex]: readonly [string, string]): Json => ({ tag_name: name, regex });
  const buckets = histogramBuckets(annotations['sidecar.istio.io/statsHistogramBuckets']);
  return {
    use_all_default_tags: false,
    stats_tags: [
      ...tagsBefore.map(tag),
      ...extra.map((name) => tag([name, `(${name}=\\.=(.*?);\\.;)`])),
      ...tagsAfter.map(tag),
    ],
    ...(buckets.length > 0 ? { histogram_bucket_settings: buckets } : {}),
    stats_matcher: { inclusion_list: { patterns: includedPatterns(input) } },
  };
}

/** Which statistics Envoy keeps. Items of annotations and of the configuration may name `{pod_ip}`. */
function includedPatterns(input: StatsInput): Json[] {
  const { node, proxyConfig, instanceIps, metadataDiscovery, exitOnZeroActiveConnections } = input;
  const chosen = (
    annotation: string,
    configured: readonly string[] | undefined,
    required: readonly string[],
  ): string[] => {
    const text = node.annotations[`sidecar.istio.io/${annotation}`];
    const given = text ? text.split(',') : [...(configured ?? [])];
    return [...given, ...required].flatMap((item) =>
      item.includes('{pod_ip}') ? instanceIps.map((ip) => item.replaceAll('{pod_ip}', ip)) : [item],
    );
  };
  const { inclusionPrefixes, inclusionSuffixes, inclusionRegexps } = proxyConfig.proxyStatsMatcher ?? {};
  const prefixes = chosen('statsInclusionPrefixes', inclusionPrefixes, [
    ...(metadataDiscovery ? ['workload_discovery'] : []),
    'cluster_manager',
    'listener_manager',
    'server',
    'cluster.xds-grpc',
    'wasm',
  ]);
  const suffixes = chosen('statsInclusionSuffixes', inclusionSuffixes, [
    'rbac.allowed',
    'rbac.denied',
    'shadow_allowed',
    'shadow_denied',
    ...(exitOnZeroActiveConnections ? ['downstream_cx_active'] : []),
  ]);
  const regexps = chosen('statsInclusionRegexps', inclusionRegexps, ['vhost\\.*\\.route\\.*']);
  return [
    { prefix: 'reporter=' },
    ...prefixes.map((prefix) => ({ prefix })),
    ...suffixes.map((suffix) => ({ suffix })),
    ...regexps.map((regex) => ({ safe_regex: { regex } })),
    { prefix: 'component' },
    { prefix: 'istio' },
  ];
}

/** Buckets by prefix; text that is not a JSON object is ignored. */
function histogramBuckets(text: string | undefined): Json[] {
  const read = text ? readJsonObject(text) : undefined;
  return read?.ok
    ? Object.entries(read.value)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([prefix, buckets]) => ({ match: { prefix }, buckets }))
    : [];
}
