import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { kinds, parseMeshConfig, parseResource, type AnyResource } from '@flotilla/model';
import { good } from './good-objects.fixture.ts';
import { validate } from './index.ts';

const groups = new Map(
  kinds.map(({ kind, group, versions }) => [kind, group ? `${group}/${versions[0]}` : versions[0]]),
);
function resource(kind: string, spec: unknown, meta: object = {}): AnyResource {
  const parsed = parseResource({
    apiVersion: groups.get(kind),
    kind,
    metadata: { name: 'own', namespace: 'shop', ...meta },
    spec,
  });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  return parsed.value.resource;
}
const told = (kind: string, spec: unknown, meta?: object): string[] =>
  validate(resource(kind, spec, meta)).map(({ level, path, message }) => `${level} ${path}: ${message}`);
const route = [{ destination: { host: 'web' } }];
type Case = readonly [kind: string, spec: unknown, told: string];

const refused: readonly Case[] = [
  [
    'ServiceEntry',
    { hosts: ['a.test', 'b.test'], resolution: 'DNS', ports: [{ number: 6379, name: 'redis', protocol: 'REDIS' }] },
    'error spec.ports: multiple hosts provided with non-HTTP, non-TLS ports',
  ],
  [
    'ServiceEntry',
    {
      hosts: ['a.test'],
      resolution: 'STATIC',
      ports: [{ number: 80, name: 'http', protocol: 'HTTP' }],
      endpoints: [{ address: 'unix:///run/a.sock', ports: { tcp: 1 } }],
    },
    'error spec.endpoints[0].ports: unix endpoint unix:///run/a.sock must not include ports',
  ],
  [
    'AuthorizationPolicy',
    { action: 'DENY', rules: [] },
    'error spec.rules: invalid policy own.shop: DENY action without `rules` is meaningless as it will never be triggered, add an empty rule `{}` if you want it be triggered for every request',
  ],
  [
    'WorkloadGroup',
    { template: {}, metadata: { labels: { '.': 'a' } } },
    'error spec.metadata.labels: invalid labels: 1 error occurred:\n\t* invalid tag key: "."\n\n',
  ],
  [
    'WorkloadEntry',
    { address: 'db.test', labels: { [`${'a.'.repeat(127)}a/b`]: 'c' } },
    `error spec.labels: invalid tag key: "${'a.'.repeat(127)}a/b" (DNS prefix is too long)`,
  ],
  [
    'WorkloadEntry',
    { address: 'db.test', labels: { ['b'.repeat(64)]: 'c' } },
    `error spec.labels: invalid tag key: "${'b'.repeat(64)}" (name is too long)`,
  ],
  [
    'VirtualService',
    { hosts: ['web'], http: [{ match: [{ headers: { '': { exact: 'a' } } }], route }] },
    'error spec.http[0].match[0].headers: header name cannot be empty',
  ],
  [
    'VirtualService',
    { hosts: ['web'], http: [{ route, headers: { response: { remove: ['Host'] } } }] },
    'error spec.http[0].headers.response.remove[0]: invalid header "Host": cannot set Host header',
  ],
  ['VirtualService', { hosts: ['web'] }, 'error spec: http, tcp or tls must be provided in virtual service'],
  [
    'VirtualService',
    { hosts: ['*'], http: [{ route }] },
    'error spec.hosts[0]: wildcard host * is not allowed for virtual services bound to the mesh gateway',
  ],
  [
    'VirtualService',
    { hosts: ['*.a.test', 'b.a.test'], http: [{ route }] },
    'error spec.hosts[0]: duplicate hosts in virtual service: *.a.test & b.a.test',
  ],
  [
    'VirtualService',
    { hosts: ['web'], http: [{}] },
    'error spec.http[0]: HTTP route, redirect or direct_response is required',
  ],
  [
    'VirtualService',
    { hosts: ['web'], http: [{ route, redirect: { uri: '/' } }] },
    'error spec.http[0]: HTTP route cannot contain both route and redirect',
  ],
  [
    'VirtualService',
    {
      hosts: ['web'],
      http: [
        {
          route: [
            { ...route[0], weight: 0 },
            { ...route[0], weight: 0 },
          ],
        },
      ],
    },
    'error spec.http[0].route: total destination weight = 0',
  ],
  [
    'VirtualService',
    { hosts: ['web'], http: [{ route, timeout: '0.5ms' }] },
    'error spec.http[0].timeout: duration must be greater than 1ms',
  ],
  [
    'VirtualService',
    { hosts: ['web'], http: [{ route, fault: { abort: { httpStatus: 99 } } }] },
    'error spec.http[0].fault.abort.httpStatus: HTTP status 99 is not in range 200-599',
  ],
  [
    'VirtualService',
    { hosts: ['web'], tls: [{ match: [{ sniHosts: ['other.test'] }], route }] },
    'error spec.tls[0].match[0].sniHosts[0]: SNI host "other.test" is not a compatible subset of any of the virtual service hosts: [web]',
  ],
  ['DestinationRule', { host: 'a..b' }, 'error spec.host: domain name ".b" invalid (label "" invalid)'],
  [
    'DestinationRule',
    { host: 'web', trafficPolicy: {} },
    'error spec.trafficPolicy: traffic policy must have at least one field',
  ],
  [
    'DestinationRule',
    { host: 'web', trafficPolicy: { tls: { mode: 'MUTUAL', privateKey: '/k' } } },
    'error spec.trafficPolicy.tls: client certificate required for mutual tls',
  ],
  [
    'DestinationRule',
    { host: 'web', exportTo: ['.', 'shop'] },
    'error spec.exportTo[1]: duplicate entries in exportTo for entry shop',
  ],
  ['Gateway', {}, 'error spec.servers: gateway must have at least one server'],
  [
    'Gateway',
    { servers: [{ hosts: ['a.test'], port: { number: 80, name: 'x', protocol: 'QUIC' } }] },
    'error spec.servers[0].port: invalid protocol "QUIC", supported protocols are HTTP, HTTP2, GRPC, GRPC-WEB, MONGO, REDIS, MYSQL, TCP',
  ],
  [
    'Gateway',
    { servers: [{ hosts: ['web'], port: { number: 80, name: 'x', protocol: 'HTTP' } }] },
    'error spec.servers[0].hosts[0]: short names (non FQDN) are not allowed',
  ],
  ['ServiceEntry', { hosts: ['*'], ports: [] }, 'error spec.hosts[0]: invalid host *'],
  [
    'ServiceEntry',
    { hosts: ['a.test'], resolution: 'STATIC', endpoints: [{ address: 'b.test' }] },
    'error spec.endpoints[0].address: b.test is not a valid IP',
  ],
  ['Sidecar', {}, 'error spec: sidecar: empty configuration provided'],
  [
    'Sidecar',
    { egress: [{ hosts: ['web'] }] },
    'error spec.egress[0].hosts[0]: host must be of form namespace/dnsName',
  ],
  [
    'AuthorizationPolicy',
    { rules: [{ from: [{ source: { ipBlocks: ['10.0.0.0/40'] } }] }] },
    'error spec.rules[0].from[0].source.ipBlocks: invalid policy own.shop: bad CIDR range (10.0.0.0/40): netip.ParsePrefix("10.0.0.0/40"): prefix length out of range',
  ],
  [
    'AuthorizationPolicy',
    { rules: [{ when: [{ key: 'source.ip', values: ['x'] }] }] },
    'error spec.rules[0].when[0].values: invalid policy own.shop: invalid `value` for `key` source.ip: 1 error occurred:\n\t* bad IP address (x)\n\n',
  ],
  [
    'PeerAuthentication',
    { portLevelMtls: { 80: {} } },
    'error spec.portLevelMtls: mesh/namespace peer authentication cannot have port level mTLS',
  ],
  [
    'RequestAuthentication',
    { jwtRules: [{ issuer: 'a', jwks: ' é' }] },
    "error spec.jwtRules[0].jwks: jwks parse error: failed to unmarshal JWK set: invalid character 'Ã' looking for beginning of value",
  ],
  [
    'RequestAuthentication',
    { jwtRules: [{ issuer: 'a', jwks: '12' }] },
    'error spec.jwtRules[0].jwks: jwks parse error: failed to unmarshal JWK set: error reading token: EOF',
  ],
  [
    'RequestAuthentication',
    { jwtRules: [{ issuer: 'a', jwksUri: 'ftp://keys.test' }] },
    'error spec.jwtRules[0].jwksUri: URI scheme "ftp" is not supported',
  ],
  [
    'Telemetry',
    { tracing: [{ randomSamplingPercentage: 101 }] },
    'error spec.tracing[0].randomSamplingPercentage: randomSamplingPercentage must be in range [0.0, 100.0]',
  ],
  ['WasmPlugin', { url: 'ftp://a.test/x' }, 'error spec.url: url contains unsupported scheme: ftp'],
  ['WorkloadEntry', {}, 'error spec.address: address must be set'],
  ['WorkloadGroup', {}, 'error spec.template: template is required'],
  ['ProxyConfig', { concurrency: -1 }, 'error spec.concurrency: concurrency must be greater than or equal to 0'],
  [
    'EnvoyFilter',
    { configPatches: [{ applyTo: 'CLUSTER', patch: { operation: 'MERGE' } }] },
    'error spec.configPatches[0]: Envoy filter: missing patch value for non-remove operation',
  ],
];

const doubtful: readonly Case[] = [
  [
    'VirtualService',
    { hosts: ['web'], http: [{ route }, { route }] },
    'warning spec.http[1]: virtualService rule #1 not used (only the last rule can have no matches)',
  ],
  [
    'VirtualService',
    {
      hosts: ['web'],
      http: [
        { match: [{ uri: { prefix: '/a' } }], route },
        { match: [{ uri: { prefix: '/ab' } }], route },
      ],
    },
    'warning spec.http[1].match[0]: virtualService rule #1 match #0 of prefix /ab is not used (duplicate/overlapping match in rule #0 of prefix /a on #0)',
  ],
  [
    'DestinationRule',
    { host: 'web', trafficPolicy: { outlierDetection: { consecutiveErrors: 1 } } },
    'warning spec.trafficPolicy.outlierDetection.consecutiveErrors: outlier detection consecutive errors is deprecated, use consecutiveGatewayErrors or consecutive5xxErrors instead',
  ],
  [
    'Gateway',
    {
      servers: [
        {
          hosts: ['a.test'],
          port: { number: 443, name: 'x', protocol: 'TLS' },
          tls: { mode: 'SIMPLE', credentialName: 'c', cipherSuites: ['foo'] },
        },
      ],
    },
    'warning spec.servers[0].tls.cipherSuites: ignoring invalid cipher suites: [foo]',
  ],
  ['PeerAuthentication', { selector: {} }, 'warning spec.selector: workload selector specified without labels'],
  [
    'AuthorizationPolicy',
    { action: 'DENY', rules: [{ to: [{ operation: { paths: ['/a'] } }] }] },
    'warning spec.rules[0]: configured AuthorizationPolicy will deny all traffic to TCP ports under its scope due to the use of only HTTP attributes in a DENY rule; it is recommended to explicitly specify the port',
  ],
];

describe('validation by kind', () => {
  it.each(good)('takes a good %s: %j', (kind, spec) => expect(told(kind, spec)).toEqual([]));
  it.each(refused)('refuses a %s: %j', (kind, spec, message) => expect(told(kind, spec)).toEqual([message]));
  it.each(doubtful)('warns of a %s: %j', (kind, spec, message) => expect(told(kind, spec)).toEqual([message]));

  it('takes the dry run of policies that allow or deny, and of nothing else', () => {
    const dry = (value: string): object => ({ annotations: { 'istio.io/dry-run': value } });
    expect(told('AuthorizationPolicy', {}, dry('true'))).toEqual([]);
    expect(told('AuthorizationPolicy', {}, dry('yes'))).toHaveLength(1);
    expect(told('Gateway', {}, dry('true'))).toEqual([
      'error metadata.annotations: shop/own has unsupported annotation istio.io/dry-run, please remove the annotation',
    ]);
  });

  it('checks the configuration of the mesh over its defaults', () => {
    const mesh = (raw: unknown): unknown[] => {
      const parsed = parseMeshConfig(raw);
      return parsed.ok ? validate(parsed.value).map(({ message }) => message) : [];
    };
    expect(mesh({})).toEqual([]);
    expect(mesh({ connectTimeout: '31s', trustDomain: 'a/b' })).toEqual([
      'invalid connect timeout: time 31s must be >1ms and <30s',
      'trustDomain: trust domain name "a/b" invalid',
    ]);
  });

  it('never throws, whatever a parsed resource holds', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...good),
        fc.array(
          fc.tuple(
            fc.nat(),
            fc.oneof(fc.string(), fc.integer(), fc.constant(undefined), fc.constant([]), fc.constant({})),
          ),
        ),
        ([kind, spec], changes) => {
          const parsed = parseResource({
            apiVersion: groups.get(kind),
            kind,
            metadata: { name: 'own' },
            spec: changes.reduce((value, [at, to]) => replaced(value, at, to), spec),
          });
          if (parsed.ok) expect(Array.isArray(validate(parsed.value.resource))).toBe(true);
        },
      ),
    );
  });
});

/** The value with the leaf or node number `at` replaced. */
function replaced(value: unknown, at: number, to: unknown): unknown {
  if (typeof value !== 'object' || value === null) return to;
  const entries: [string, unknown][] = Object.entries(value);
  const chosen = at % (entries.length + 1);
  const changed = entries.map(
    ([key, item], i) => [key, i === chosen ? replaced(item, Math.floor(at / (entries.length + 1)), to) : item] as const,
  );
  return chosen === entries.length
    ? to
    : Array.isArray(value)
      ? changed.map(([, item]) => item)
      : Object.fromEntries(changed);
}
