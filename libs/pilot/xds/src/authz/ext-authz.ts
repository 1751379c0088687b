import { compareText } from '@flotilla/std';
import type { ExtensionProvider } from '@flotilla/model';
import { providerHost, setting, type View } from '@flotilla/pilot-world';
import { duration, envoy } from '@flotilla/proto-gen/envoy';
import { clusterName } from '../cluster-name.ts';
import { typedConfig } from '../finish/typed-config.ts';
import { stringMatch } from './matchers.ts';

type IFilter = envoy.config.listener.v3.IFilter;
type IHttpFilter = envoy.extensions.filters.network.http_connection_manager.v3.IHttpFilter;
type IExtAuthz = envoy.extensions.filters.http.ext_authz.v3.IExtAuthz;
type HttpProvider = NonNullable<ExtensionProvider['envoyExtAuthzHttp']>;
const { ExtAuthz } = envoy.extensions.filters.http.ext_authz.v3;
const { V3 } = envoy.config.core.v3.ApiVersion;
const { StatusCode } = envoy.type.v3;
export type Layer = 'http' | 'tcp';

const enabled = (filter: string): envoy.type.matcher.v3.IMetadataMatcher => ({
  filter,
  path: [{ key: 'istio_ext_authz_shadow_effective_policy_id' }],
  value: { stringMatch: { prefix: 'istio-ext-authz' } },
});

/** Hostname and cluster of a provider's `[namespace/]host`; undefined when the mesh has no such service. */
function resolve(
  view: View,
  { service, port }: { service?: string; port?: number },
): { host: string; cluster: string } | undefined {
  const host = providerHost(view, service ?? '');
  return host === undefined ? undefined : { host, cluster: clusterName('outbound', { host, port: port ?? 0 }) };
}

/** Header names by pattern, case aside; undefined for none. */
function headers(names: readonly string[] | undefined): envoy.type.matcher.v3.IListStringMatcher | undefined {
  return names?.length ? { patterns: names.map((name) => ({ ...stringMatch(name), ignoreCase: true })) } : undefined;
}
const set = <K extends string, V>(name: K, value: V | undefined): Partial<Record<K, V>> =>
  value === undefined ? {} : ({ [name]: value } as Record<K, V>);

function httpService(
  provider: HttpProvider,
  { host, cluster }: { host: string; cluster: string },
): envoy.extensions.filters.http.ext_authz.v3.IHttpService {
  const added = Object.entries(provider.includeAdditionalHeadersInCheck ?? {})
    .sort(([a], [b]) => compareText(a, b))
    .map(([key, value]) => ({ key, value }));
  const response = {
    ...set('allowedUpstreamHeaders', headers(provider.headersToUpstreamOnAllow)),
    ...set('allowedClientHeaders', headers([...(provider.headersToDownstreamOnDeny ?? [])])),
    ...set('allowedClientHeadersOnSuccess', headers(provider.headersToDownstreamOnAllow)),
  };
  return {
    serverUri: { uri: `http://${host}`, cluster, timeout: duration(provider.timeout ?? 600) },
    ...(provider.pathPrefix ? { pathPrefix: provider.pathPrefix } : {}),
    ...(added.length > 0 ? { authorizationRequest: { headersToAdd: added } } : {}),
    ...(Object.keys(response).length > 0 ? { authorizationResponse: response } : {}),
  };
}

/** Does Go's url.Parse read a text that begins with `/`? */
const isUrlPath = (text: string): boolean =>
  text.startsWith('/') && !/[\u0000-\u001f\u007f]/.test(text) && !/%(?![0-9a-fA-F]{2})/.test(text);

/**
 * Whether a provider is usable (Istio's ValidateExtensionProviderEnvoyExtAuthz, buildExtAuthz). Whether its service
 * exists is another question.
 */
function isUsable({ envoyExtAuthzHttp: http, envoyExtAuthzGrpc: grpc }: ExtensionProvider): boolean {
  const { port = 0, statusOnError = '', service = '' } = http ?? grpc ?? {};
  const names = [
    http?.includeRequestHeadersInCheck,
    http?.includeHeadersInCheck,
    http?.headersToDownstreamOnDeny,
    http?.headersToDownstreamOnAllow,
    http?.headersToUpstreamOnAllow,
  ];
  return (
    port >= 1 &&
    port <= 65535 &&
    (service.includes('/') || !service.startsWith('*')) &&
    (statusOnError === '' || (/^[+-]?\d+$/.test(statusOnError) && StatusCode[Number(statusOnError)] !== undefined)) &&
    (!http?.pathPrefix || isUrlPath(http.pathPrefix)) &&
    names.every((list) => !list?.includes('*'))
  );
}

/**
 * The filter that calls a provider; `unsupported` when HTTP's would have to judge bytes, undefined when there is no
 * such provider, when it is not valid, and when the mesh lacks its service.
 */
export function extAuthz(view: View, layer: Layer, name: string): (IFilter & IHttpFilter) | 'unsupported' | undefined {
  const provider = setting(view, 'extensionProviders')?.find((candidate) => candidate.name === name);
  if (!provider || name === '' || !isUsable(provider)) return undefined;
  const [http, grpc] = [provider.envoyExtAuthzHttp, provider.envoyExtAuthzGrpc];
  const given = http ?? grpc;
  const at = given && resolve(view, given);
  if (!given || !at) return undefined;
  const status = given.statusOnError ? Number(given.statusOnError) : undefined;
  const grpcService = {
    envoyGrpc: { clusterName: at.cluster, authority: `outbound_.${given.port ?? 0}_._.${at.host}` },
    timeout: duration(given.timeout ?? 600),
  };
  const common = { ...(given.failOpen ? { failureModeAllow: true } : {}), transportApiVersion: V3 };
  if (layer === 'tcp') {
    if (http) return 'unsupported';
    const config = {
      statPrefix: 'tcp.',
      grpcService,
      ...common,
      filterEnabledMetadata: enabled('envoy.filters.network.rbac'),
    };
    return {
      name: 'envoy.filters.network.ext_authz',
      typedConfig: typedConfig(envoy.extensions.filters.network.ext_authz.v3.ExtAuthz, config),
    };
  }
  const body = given.includeRequestBodyInCheck;
  const config: IExtAuthz = {
    ...(http ? { httpService: httpService(http, at) } : { grpcService }),
    ...common,
    ...(body
      ? {
          withRequestBody: {
            maxRequestBytes: body.maxRequestBytes ?? 0,
            allowPartialMessage: body.allowPartialMessage ?? false,
            packAsBytes: body.packAsBytes ?? false,
          },
        }
      : {}),
    ...(status === undefined ? {} : { statusOnError: { code: status } }),
    filterEnabledMetadata: enabled('envoy.filters.http.rbac'),
    ...set(
      'allowedHeaders',
      http &&
        headers(
          http.includeRequestHeadersInCheck?.length ? http.includeRequestHeadersInCheck : http.includeHeadersInCheck,
        ),
    ),
  };
  return { name: 'envoy.filters.http.ext_authz', typedConfig: typedConfig(ExtAuthz, config) };
}
