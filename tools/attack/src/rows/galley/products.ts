import { table } from '../../attack.ts';
import { huge, listOf, many, ports, resource, security } from './huge.ts';

const telemetry = { group: 'telemetry.istio.io/v1alpha1' };
const filters = { group: 'networking.istio.io/v1alpha3' };
const route = [{ destination: { host: 'catalog.test' } }];
const pods = (count: number, labels: object): object[] =>
  many(count, (i) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `p${i}`, namespace: 'shop', labels },
    spec: { containers: [], nodeName: 'n' },
    status: { podIP: `10.8.${i >> 8}.${i & 255}`, phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
  }));
/** `levels` objects in each other. */
const nested = (levels: number): object => JSON.parse(`${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`) as object;

/** Objects whose parts are few and whose product is large: hosts by gateways, hosts by pods, patches by listeners. */
export const products = table({ service: 'galley', kind: 'products' }, [
  huge('1,000 hosts by 1,000 gateways', () =>
    JSON.stringify(
      resource('VirtualService', {
        hosts: many(1000, (i) => `h${i}.test`),
        gateways: many(1000, (i) => `shop/g${i}`),
        http: [{ route }],
      }),
    ),
  ),
  huge('300 VirtualServices of 100 hosts each, which all have', () =>
    listOf(
      many(300, (i) =>
        resource('VirtualService', { hosts: many(100, (j) => `s${j}.test`), http: [{ route }] }, { name: `v${i}` }),
      ),
    ),
  ),
  huge('a ServiceEntry of 1,000 hosts that selects 2,000 Pods', () =>
    listOf([
      ...pods(2000, { app: 'selected' }),
      resource('ServiceEntry', {
        hosts: many(1000, (i) => `w${i}.test`),
        ports,
        location: 'MESH_INTERNAL',
        resolution: 'STATIC',
        workloadSelector: { labels: { app: 'selected' } },
      }),
    ]),
  ),
  huge('500 ServiceEntries that select 500 Pods each', () =>
    listOf([
      ...pods(500, { app: 'selected' }),
      ...many(500, (i) =>
        resource(
          'ServiceEntry',
          {
            hosts: [`w${i}.test`],
            ports,
            location: 'MESH_INTERNAL',
            resolution: 'STATIC',
            workloadSelector: { labels: { app: 'selected' } },
          },
          { name: `w${i}` },
        ),
      ),
    ]),
  ),
  huge('3,000 ServiceEntries of one host', () =>
    listOf(
      many(3000, (i) =>
        resource(
          'ServiceEntry',
          { hosts: ['same.test'], ports, resolution: 'STATIC', endpoints: [{ address: `10.7.${i >> 8}.${i & 255}` }] },
          { name: `same${i}` },
        ),
      ),
    ),
  ),
  huge('3,000 DestinationRules of one host', () =>
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
  huge('a Service of 5,000 ports, with 100 EndpointSlices', () =>
    listOf([
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'wide', namespace: 'shop' },
        spec: {
          clusterIP: '10.96.7.7',
          selector: { app: 'wide' },
          ports: many(5000, (i) => ({ name: `http-${i}`, port: i + 1, targetPort: i + 1 })),
        },
      },
      ...many(100, (i) => ({
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        addressType: 'IPv4',
        metadata: { name: `wide-${i}`, namespace: 'shop', labels: { 'kubernetes.io/service-name': 'wide' } },
        ports: many(100, (j) => ({ name: `http-${j}`, port: j + 1, protocol: 'TCP' })),
        endpoints: many(100, (j) => ({ addresses: [`10.6.${i}.${j}`], conditions: { ready: true } })),
      })),
    ]),
  ),
  huge('an EndpointSlice of 50,000 endpoints', () =>
    listOf([
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'many', namespace: 'shop' },
        spec: { clusterIP: '10.96.7.8', ports: [{ name: 'http', port: 80 }] },
      },
      {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        addressType: 'IPv4',
        metadata: { name: 'many-1', namespace: 'shop', labels: { 'kubernetes.io/service-name': 'many' } },
        ports: [{ name: 'http', port: 80, protocol: 'TCP' }],
        endpoints: many(50_000, (i) => ({
          addresses: [`10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`],
          conditions: { ready: true },
        })),
      },
    ]),
  ),
  huge('500 EnvoyFilters of ten patches for everything', () =>
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
  huge('an EnvoyFilter of 5,000 patches', () =>
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
  huge('an EnvoyFilter with 90 structs in each other', () =>
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
  huge('an EnvoyFilter with a Lua program of 1 MB', () =>
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
  huge('a Telemetry of 10,000 overrides', () =>
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
  huge('2,000 Telemetries of one namespace', () =>
    listOf(
      many(2000, (i) =>
        resource('Telemetry', { accessLogging: [{ disabled: i % 2 === 0 }] }, { name: `t${i}`, ...telemetry }),
      ),
    ),
  ),
  huge('an AuthorizationPolicy of 300 sources by 300 operations by 300 conditions', () =>
    JSON.stringify(
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
    ),
  ),
  huge('2,000 AuthorizationPolicies of one namespace', () =>
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
  huge('a RequestAuthentication of 500 rules with 5 kB of keys each', () =>
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
  huge('a PeerAuthentication of 60,000 ports', () =>
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
  huge('a Sidecar of 3,000 listeners of 10 hosts', () =>
    JSON.stringify(
      resource('Sidecar', {
        egress: many(3000, (i) => ({
          port: { number: i + 1, name: `http-${i}`, protocol: 'HTTP' },
          hosts: many(10, (j) => `./*.h${j}.test`),
        })),
      }),
    ),
  ),
  huge('exportTo of 10,000 namespaces', () =>
    JSON.stringify(
      resource('ServiceEntry', {
        hosts: many(500, (i) => `e${i}.test`),
        ports,
        resolution: 'DNS',
        exportTo: many(10_000, (i) => `n${i}`),
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
  huge('20,000 labels of a Pod that 1,000 policies select by', () =>
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
  huge('5,000 WorkloadEntries, 1,000 WorkloadGroups', () =>
    listOf([
      ...many(5000, (i) =>
        resource(
          'WorkloadEntry',
          { address: `10.5.${i >> 8}.${i & 255}`, labels: { app: 'vm' }, serviceAccount: 'vm' },
          { name: `w${i}` },
        ),
      ),
      ...many(1000, (i) =>
        resource(
          'WorkloadGroup',
          { metadata: { labels: { app: 'vm' } }, template: { serviceAccount: 'vm' } },
          { name: `g${i}` },
        ),
      ),
    ]),
  ),
  huge('a VirtualService of 3,000 routes of 100 headers', () =>
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
  huge('a DestinationRule of 2,000 localities by 2,000 subsets', () =>
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
