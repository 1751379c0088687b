import { table } from '../../attack.ts';
import { huge, listOf, many, pods, resource, security, taken } from './huge.ts';

const telemetry = { group: 'telemetry.istio.io/v1alpha1' };
const filters = { group: 'networking.istio.io/v1alpha3' };
const route = [{ destination: { host: 'catalog.test' } }];
/** `levels` objects in each other. */
const nested = (levels: number): object => JSON.parse(`${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`) as object;

/** Objects whose parts are few and whose product is large: hosts by gateways, hosts by pods, patches by listeners. */
export const products = table({ service: 'galley', kind: 'products' }, [
  huge('a VirtualService with 1,000 hosts and 1,000 gateways', () =>
    JSON.stringify(
      resource('VirtualService', {
        hosts: many(1000, (i) => `h${i}.test`),
        gateways: many(1000, (i) => `shop/g${i}`),
        http: [{ route }],
      }),
    ),
  ),
  huge('300 VirtualServices with the same 100 hosts', () =>
    listOf(
      many(300, (i) =>
        resource('VirtualService', { hosts: many(100, (j) => `s${j}.test`), http: [{ route }] }, { name: `v${i}` }),
      ),
    ),
  ),
  huge('3,000 DestinationRules for one host', () =>
    listOf(
      many(3000, (i) =>
        resource(
          'DestinationRule',
          { host: 'catalog.test', subsets: [{ name: `s${i}`, labels: { v: String(i) } }] },
          { name: `d${i}` },
        ),
      ),
    ),
  ),
  taken(
    'a Gateway with 500 servers of 500 hosts each, and 500 VirtualServices',
    () => [
      resource('Gateway', {
        selector: { istio: 'ingressgateway' },
        servers: many(500, (i) => ({
          port: { number: 80, name: `http-${i}`, protocol: 'HTTP' },
          hosts: many(500, (j) => `h${j}.s${i}.test`),
        })),
      }),
      ...many(500, (i) =>
        resource(
          'VirtualService',
          { hosts: [`h${i}.s${i}.test`], gateways: ['shop/attack'], http: [{ route }] },
          { name: `v${i}` },
        ),
      ),
    ],
    { by: 'gateway' },
  ),
  huge('500 EnvoyFilters with ten patches each, for all proxies', () =>
    listOf(
      many(500, (i) =>
        resource(
          'EnvoyFilter',
          {
            configPatches: many(10, (j) => ({
              applyTo: (['CLUSTER', 'LISTENER', 'HTTP_FILTER', 'ROUTE_CONFIGURATION', 'VIRTUAL_HOST'] as const)[j % 5],
              match: { context: 'ANY' },
              patch: { operation: 'MERGE', value: { name: `x${i}-${j}` } },
            })),
          },
          { name: `f${i}`, ...filters },
        ),
      ),
    ),
  ),
  huge('an EnvoyFilter with 5,000 patches', () =>
    JSON.stringify(
      resource(
        'EnvoyFilter',
        {
          configPatches: many(5000, (i) => ({
            applyTo: 'CLUSTER',
            match: { context: 'SIDECAR_OUTBOUND', cluster: { name: `outbound|80||h${i}.test` } },
            patch: { operation: 'MERGE', value: { connect_timeout: '1s' } },
          })),
        },
        filters,
      ),
    ),
  ),
  huge('an EnvoyFilter with 90 nested structs', () =>
    JSON.stringify(
      resource(
        'EnvoyFilter',
        {
          configPatches: [
            {
              applyTo: 'CLUSTER',
              match: { context: 'ANY' },
              patch: { operation: 'MERGE', value: { metadata: { filter_metadata: { a: nested(85) } } } },
            },
          ],
        },
        filters,
      ),
    ),
  ),
  huge('an EnvoyFilter with a 1 MB Lua program', () =>
    JSON.stringify(
      resource(
        'EnvoyFilter',
        {
          configPatches: [
            {
              applyTo: 'HTTP_FILTER',
              match: { context: 'ANY', listener: { filterChain: { filter: { name: 'x'.repeat(10_000) } } } },
              patch: {
                operation: 'INSERT_BEFORE',
                value: {
                  name: 'lua',
                  typed_config: {
                    '@type': 'type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua',
                    inline_code: '-- '.repeat(330_000),
                  },
                },
              },
            },
          ],
        },
        filters,
      ),
    ),
  ),
  huge('a Telemetry with 10,000 overrides', () =>
    JSON.stringify(
      resource(
        'Telemetry',
        {
          metrics: [
            {
              providers: [{ name: 'prometheus' }],
              overrides: many(10_000, (i) => ({
                match: { metric: 'ALL_METRICS', mode: 'CLIENT_AND_SERVER' },
                tagOverrides: { [`t${i}`]: { operation: 'UPSERT', value: `request.headers['x-${i}']` } },
              })),
            },
          ],
        },
        telemetry,
      ),
    ),
  ),
  huge('2,000 Telemetries in one namespace', () =>
    listOf(
      many(2000, (i) =>
        resource('Telemetry', { accessLogging: [{ disabled: i % 2 === 0 }] }, { name: `t${i}`, ...telemetry }),
      ),
    ),
  ),
  taken('an AuthorizationPolicy with 300 sources, 300 operations and 300 conditions', () => [
    resource(
      'AuthorizationPolicy',
      {
        rules: [
          {
            from: many(300, (i) => ({ source: { principals: [`cluster.local/ns/n${i}/sa/*`] } })),
            to: many(300, (i) => ({ operation: { paths: [`/${i}*`], methods: ['GET', 'POST'] } })),
            when: many(300, (i) => ({ key: `request.headers[x-${i}]`, values: many(20, String) })),
          },
        ],
      },
      security,
    ),
  ]),
  huge('2,000 AuthorizationPolicies in one namespace', () =>
    listOf(
      many(2000, (i) =>
        resource(
          'AuthorizationPolicy',
          { rules: [{ to: [{ operation: { paths: [`/${i}`] } }] }] },
          { name: `a${i}`, ...security },
        ),
      ),
    ),
  ),
  huge('a RequestAuthentication with 500 rules and 5 kB of keys in each', () =>
    JSON.stringify(
      resource(
        'RequestAuthentication',
        {
          jwtRules: many(500, (i) => ({
            issuer: `i${i}`,
            jwks: JSON.stringify({ keys: [{ kty: 'RSA', e: 'AQAB', kid: String(i), n: 'x'.repeat(5000) }] }),
            fromHeaders: many(10, (j) => ({ name: `x-${j}`, prefix: 'Bearer ' })),
          })),
        },
        security,
      ),
    ),
  ),
  huge('a PeerAuthentication with 60,000 ports', () =>
    JSON.stringify(
      resource(
        'PeerAuthentication',
        {
          selector: { matchLabels: { app: 'web' } },
          portLevelMtls: Object.fromEntries(many(60_000, (i) => [String(i + 1), { mode: 'PERMISSIVE' }])),
        },
        security,
      ),
    ),
  ),
  huge('a Sidecar with 3,000 listeners of 10 hosts each', () =>
    JSON.stringify(
      resource('Sidecar', {
        egress: many(3000, (i) => ({
          port: { number: i + 1, name: `http-${i}`, protocol: 'HTTP' },
          hosts: many(10, (j) => `./*.h${j}.test`),
        })),
      }),
    ),
  ),
  huge('regular expressions in every field', () => {
    const regex = `${'(a*)*'.repeat(2000)}b`;
    return JSON.stringify(
      resource('VirtualService', {
        hosts: ['catalog.test'],
        http: many(50, () => ({
          match: [{ uri: { regex }, authority: { regex }, method: { regex }, headers: { x: { regex } } }],
          corsPolicy: { allowOrigins: [{ regex }] },
          rewrite: { uriRegexRewrite: { match: regex, rewrite: '\\1'.repeat(1000) } },
          route,
        })),
      }),
    );
  }),
  huge('a Pod with 20,000 labels, and 1,000 policies that select by them', () =>
    listOf([
      {
        ...(pods(1, {})[0] ?? {}),
        metadata: {
          name: 'labels',
          namespace: 'shop',
          labels: Object.fromEntries(many(20_000, (i) => [`l${i}`, String(i)])),
        },
      },
      ...many(1000, (i) =>
        resource(
          'AuthorizationPolicy',
          {
            selector: { matchLabels: Object.fromEntries(many(20, (j) => [`l${i + j}`, String(i + j)])) },
            rules: [{}],
          },
          { name: `l${i}`, ...security },
        ),
      ),
    ]),
  ),
  huge('a VirtualService with 3,000 routes of 100 headers each', () =>
    JSON.stringify(
      resource('VirtualService', {
        hosts: ['catalog.test'],
        http: many(300, (i) => ({
          match: [{ uri: { prefix: `/${i}/` } }],
          headers: { request: { set: Object.fromEntries(many(100, (j) => [`x-${j}`, '%REQ(x)%'.repeat(10)])) } },
          route,
        })),
      }),
    ),
  ),
  huge('a DestinationRule with 2,000 localities and 2,000 subsets', () =>
    JSON.stringify(
      resource('DestinationRule', {
        host: 'catalog.test',
        trafficPolicy: {
          outlierDetection: { consecutive5xxErrors: 1 },
          loadBalancer: {
            localityLbSetting: { failover: many(2000, (i) => ({ from: `r${i}`, to: `r${i + 1}` })) },
          },
          portLevelSettings: many(2000, (i) => ({ port: { number: i + 1 }, tls: { mode: 'SIMPLE', sni: 'x' } })),
        },
        subsets: many(2000, (i) => ({ name: `s${i}`, labels: { v: String(i) } })),
      }),
    ),
  ),
]);
