import { clusterName, parseOutboundName } from '../cluster-name.ts';
import type { Destination, HTTPMatchRequest, HTTPRetry, HTTPRoute } from '@flotilla/model';
import type { ResolvedVirtualService } from '@flotilla/pilot-world';
import { bool, duration, struct, u32, type envoy } from '@flotilla/proto-gen/envoy';
import { buildCors } from './cors.ts';
import { buildFault } from './fault.ts';
import { buildHeaderChanges, headerFields } from './headers.ts';
import { buildRouteMatch } from './match.ts';
import { fractionOf, wholePercent } from './percent.ts';
import { buildDirectResponse, buildRedirect } from './redirect.ts';
import { buildRetryPolicy } from './retry.ts';

type IRoute = envoy.config.route.v3.IRoute;
type IRouteAction = envoy.config.route.v3.IRouteAction;
export type IHashPolicy = envoy.config.route.v3.RouteAction.IHashPolicy;

/** What a route needs to know of where it is served. */
export interface RouteContext {
  readonly virtualService: ResolvedVirtualService;
  /** The listener's port; 0 for an HTTP proxy or a Unix socket. */
  readonly port: number;
  readonly tls: boolean;
  readonly defaultRetries?: HTTPRetry;
  /** The port of a service that has only one in this listener's view. */
  singlePort(host: string): number | undefined;
  hashPolicies(destination: Destination): IHashPolicy[];
}

/** Istio's metadata that names the resource a route or cluster comes from. */
export const configMetadata = (
  kind: string,
  meta: { name: string; namespace: string },
  group = 'networking.istio.io/v1alpha3',
): envoy.config.core.v3.IMetadata => ({
  filterMetadata: { istio: struct({ config: `/apis/${group}/namespaces/${meta.namespace}/${kind}/${meta.name}` }) },
});

/** One route of a VirtualService for one of its matches (Istio's translateRoute). */
export function buildRoute(http: HTTPRoute, match: HTTPMatchRequest | undefined, context: RouteContext): IRoute {
  const { virtualService } = context;
  const name = match?.name ? `${http.name ?? ''}.${match.name}` : (http.name ?? '');
  const changes = buildHeaderChanges(http.headers);
  const base: IRoute = {
    ...(name ? { name } : {}),
    ...(match?.statPrefix ? { statPrefix: match.statPrefix } : {}),
    match: buildRouteMatch(match),
    metadata: configMetadata('virtual-service', virtualService.meta),
  };
  const fault = http.fault ? { typedPerFilterConfig: buildFault(http.fault) } : {};
  const ownHeaders = headerFields(changes);
  const specific: IRoute = http.redirect
    ? { redirect: buildRedirect(http.redirect, { port: context.port, tls: context.tls }), ...ownHeaders }
    : http.directResponse
      ? { directResponse: buildDirectResponse(http.directResponse), ...ownHeaders }
      : buildForwarding(http, changes, context);
  const route = { ...base, ...specific, ...fault };
  return { ...route, decorator: { operation: operationOf(route, virtualService.meta.name, context.port) } };
}

function buildForwarding(
  http: HTTPRoute,
  changes: ReturnType<typeof buildHeaderChanges>,
  context: RouteContext,
): IRoute {
  const retryPolicy = buildRetryPolicy(http.retries ?? context.defaultRetries);
  const timeout = duration(http.timeout ?? 0);
  const authority = http.rewrite?.authority || changes.authority;
  const { uriRegexRewrite } = http.rewrite ?? {};
  const action: IRouteAction = {
    timeout,
    maxGrpcTimeout: timeout,
    ...(retryPolicy ? { retryPolicy } : {}),
    ...(http.corsPolicy ? { cors: buildCors(http.corsPolicy) } : {}),
    ...(uriRegexRewrite
      ? {
          regexRewrite: {
            pattern: { regex: uriRegexRewrite.match ?? '' },
            substitution: uriRegexRewrite.rewrite ?? '',
          },
        }
      : http.rewrite?.uri
        ? { prefixRewrite: http.rewrite.uri }
        : {}),
    ...(authority ? { hostRewriteLiteral: authority } : {}),
    ...mirrorPolicies(http, context),
  };
  const [only, ...others] = http.route ?? [];
  if (!only || others.length > 0) return { route: { ...action, ...weighted(http, context) }, ...headerFields(changes) };
  const own = buildHeaderChanges(only.headers);
  const hashPolicy = context.hashPolicies(only.destination ?? {});
  return {
    route: {
      ...action,
      cluster: clusterOf(only.destination ?? {}, context),
      ...(own.authority && !authority ? { hostRewriteLiteral: own.authority } : {}),
      ...(hashPolicy.length > 0 ? { hashPolicy } : {}),
    },
    ...headerFields(changes, own),
  };
}

function weighted(http: HTTPRoute, context: RouteContext): IRouteAction {
  const used = (http.route ?? []).filter(({ weight }) => (weight ?? 0) > 0);
  const clusters = used.map(({ destination, weight, headers }) => {
    const changes = buildHeaderChanges(headers);
    return {
      name: clusterOf(destination ?? {}, context),
      weight: u32(weight ?? 0),
      ...headerFields(changes),
      ...(changes.authority ? { hostRewriteLiteral: changes.authority } : {}),
    };
  });
  const hashPolicy = used.flatMap(({ destination }) => context.hashPolicies(destination ?? {}));
  return { weightedClusters: { clusters }, ...(hashPolicy.length > 0 ? { hashPolicy } : {}) };
}

/** The port asked for, else the service's only one, else the listener's (Istio's GetDestinationCluster). */
function clusterOf(destination: Destination, { port, singlePort }: RouteContext): string {
  const host = destination.host ?? '';
  return clusterName('outbound', {
    host,
    subset: destination.subset,
    port: destination.port ? (destination.port.number ?? 0) : (singlePort(host) ?? port),
  });
}

/** Only `mirror` mirrors; a share of zero is none, no share is all. */
function mirrorPolicies(
  { mirror, mirrorPercentage, mirrorPercent }: HTTPRoute,
  context: RouteContext,
): Pick<IRouteAction, 'requestMirrorPolicies'> {
  if (!mirror) return {};
  if (mirrorPercentage ? !(mirrorPercentage.value ?? 0) : mirrorPercent === 0) return {};
  const share = mirrorPercentage ? fractionOf(mirrorPercentage) : wholePercent(mirrorPercent ?? 100);
  return {
    requestMirrorPolicies: [
      { cluster: clusterOf(mirror, context), runtimeFraction: { defaultValue: share }, traceSampled: bool(false) },
    ],
  };
}

/** The trace operation of a route: its one cluster's host and port, else the VirtualService's name, with the path. */
function operationOf(route: IRoute, name: string, port: number): string {
  const { match } = route;
  const path =
    match?.prefix !== undefined && match.prefix !== null
      ? `${match.prefix}*`
      : (match?.path ?? match?.safeRegex?.regex ?? '/*');
  const cluster = parseOutboundName(route.route?.cluster ?? '');
  return cluster ? `${cluster.host}:${cluster.port}${path}` : `${name}:${port}${path}`;
}

/** The route of a service without VirtualService (Istio's BuildDefaultHTTPOutboundRoute). */
export function buildDefaultRoute(
  cluster: string,
  operation: string,
  options: { retries?: HTTPRetry; hashPolicy?: IHashPolicy[] },
): IRoute {
  const retryPolicy = buildRetryPolicy(options.retries);
  return {
    name: 'default',
    match: { prefix: '/' },
    route: {
      cluster,
      timeout: duration(0),
      maxGrpcTimeout: duration(0),
      ...(retryPolicy ? { retryPolicy } : {}),
      ...(options.hashPolicy?.length ? { hashPolicy: options.hashPolicy } : {}),
    },
    decorator: { operation: `${operation}/*` },
  };
}
