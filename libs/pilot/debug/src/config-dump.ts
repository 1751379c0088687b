import type { Resource } from '@flotilla/ads';
import { typeUrls, type XdsKind } from '@flotilla/pilot-xds';
import { toJson, type Json } from '@flotilla/proto-gen/json';
import type { ConnectedProxy } from './connected-proxy.ts';
import { withoutSecrets } from './redacted.ts';

const urlOf = (message: string): string => `type.googleapis.com/envoy.admin.v3.${message}`;

/** How Envoy's admin interface wraps the resources of a type (envoy.admin.v3). */
interface Section {
  readonly kind: XdsKind;
  readonly message: string;
  readonly field: string;
  /** Whether the version belongs to the section; if not, it belongs to each resource. */
  readonly hasVersion: boolean;
  entry(resource: { readonly name: string; readonly json: Json; readonly version: Json }): Json;
}

const sections: Readonly<Record<'clusters' | 'endpoints' | 'listeners' | 'routes' | 'secrets', Section>> = {
  clusters: {
    kind: 'cds',
    message: 'ClustersConfigDump',
    field: 'dynamicActiveClusters',
    hasVersion: true,
    entry: ({ json }) => ({ cluster: json }),
  },
  endpoints: {
    kind: 'eds',
    message: 'EndpointsConfigDump',
    field: 'dynamicEndpointConfigs',
    hasVersion: false,
    entry: ({ json, version }) => ({ versionInfo: version, endpointConfig: json }),
  },
  listeners: {
    kind: 'lds',
    message: 'ListenersConfigDump',
    field: 'dynamicListeners',
    hasVersion: true,
    entry: ({ name, json, version }) => ({ name, activeState: { versionInfo: version, listener: json } }),
  },
  routes: {
    kind: 'rds',
    message: 'RoutesConfigDump',
    field: 'dynamicRouteConfigs',
    hasVersion: false,
    entry: ({ json, version }) => ({ versionInfo: version, routeConfig: json }),
  },
  secrets: {
    kind: 'sds',
    message: 'SecretsConfigDump',
    field: 'dynamicActiveSecrets',
    hasVersion: false,
    entry: ({ name, json, version }) => ({ name, versionInfo: version, secret: withoutSecrets(json) }),
  },
};

/**
 * The resources that a proxy should have, as an envoy.admin.v3.ConfigDump in pieces of JSON text, like the answer of
 * Istio's /debug/config_dump. Only types that the proxy has requested have resources. Keys are redacted. A piece is at
 * most one resource, so that other work can run in between.
 */
export function* configDump(
  proxy: ConnectedProxy,
  { includeEndpoints }: { readonly includeEndpoints: boolean },
): Iterable<string> {
  yield `{"configs":[{"@type":"${urlOf('BootstrapConfigDump')}"},`;
  yield* section(proxy, sections.clusters);
  yield ',';
  if (includeEndpoints) {
    yield* section(proxy, sections.endpoints);
    yield ',';
  }
  yield* section(proxy, sections.listeners);
  yield `,{"@type":"${urlOf('ScopedRoutesConfigDump')}"},`;
  yield* section(proxy, sections.routes);
  yield ',';
  yield* section(proxy, sections.secrets);
  yield ']}\n';
}

function* section(proxy: ConnectedProxy, { kind, message, field, hasVersion, entry }: Section): Iterable<string> {
  const { version = '' } = proxy.last(kind);
  const resources = proxy.resources(kind);
  const head = { '@type': urlOf(message), ...(hasVersion && version !== '' ? { versionInfo: version } : {}) };
  if (resources.length === 0) return yield JSON.stringify(head);
  yield `${JSON.stringify(head).slice(0, -1)},${JSON.stringify(field)}:[`;
  let separator = '';
  for (const resource of resources) {
    yield separator + JSON.stringify(entry({ name: resource.name, json: jsonOf(kind, resource), version }));
    separator = ',';
  }
  yield ']}';
}

/** As google.protobuf.Any in JSON. */
function jsonOf(kind: XdsKind, { bytes }: Resource): Json {
  return { '@type': typeUrls[kind], ...(toJson(typeUrls[kind], bytes) as Record<string, Json>) };
}
