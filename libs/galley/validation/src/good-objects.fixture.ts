const route = [{ destination: { host: 'web' } }];

/** Kinds and specs that Istio takes without a word. */
export const good: readonly (readonly [string, unknown])[] = [
  [
    'VirtualService',
    {
      hosts: ['web', '*.shop.test', '10.0.0.1'],
      http: [
        {
          match: [{ uri: { regex: '/v[0-9]+/.*' }, headers: { 'x-user': { exact: 'a' } } }],
          route,
          retries: { attempts: 2, retryOn: '5xx,503' },
        },
        { route },
      ],
    },
  ],
  [
    'VirtualService',
    {
      hosts: ['web'],
      http: [
        {
          match: [
            { headers: { ':method': { exact: 'GET' }, 'a.b': {} }, withoutHeaders: { ':authority': { exact: 'a' } } },
          ],
          corsPolicy: { allowHeaders: ['a, b', 'x.y'], exposeHeaders: ['*'] },
          headers: { request: { set: { ':authority': 'a' } } },
          route: [{ destination: { host: 'web' }, headers: { request: { add: { Host: 'b' } } } }],
        },
      ],
    },
  ],
  ['VirtualService', { hosts: ['*'], gateways: ['edge/main'], http: [{ directResponse: { status: 404 } }] }],
  ['VirtualService', { http: [{ redirect: { uri: '/x' } }] }],
  [
    'DestinationRule',
    {
      host: '*.shop.svc.cluster.local',
      trafficPolicy: { loadBalancer: { simple: 'ROUND_ROBIN' } },
      subsets: [{ name: 'v1', labels: { version: 'v1' } }],
      exportTo: ['.', 'other'],
    },
  ],
  [
    'Gateway',
    {
      servers: [
        {
          hosts: ['shop/*.shop.test', '10.0.0.1'],
          port: { number: 443, name: 'https', protocol: 'HTTPS' },
          tls: { mode: 'SIMPLE', credentialName: 'cert' },
        },
      ],
    },
  ],
  [
    'ServiceEntry',
    {
      hosts: ['api.test'],
      addresses: ['10.0.0.0/24'],
      resolution: 'STATIC',
      ports: [{ number: 80, name: 'http', protocol: 'HTTP' }],
      endpoints: [{ address: '10.0.0.9', ports: { http: 8080 } }],
      exportTo: ['~'],
    },
  ],
  [
    'Sidecar',
    {
      egress: [{ hosts: ['./*', 'istio-system/*'] }],
      ingress: [{ port: { number: 80, protocol: 'HTTP' }, defaultEndpoint: '[::1]:8080' }],
    },
  ],
  [
    'AuthorizationPolicy',
    {
      action: 'DENY',
      rules: [
        {
          from: [{ source: { ipBlocks: ['10.0.0.0/8', '::1'] } }],
          to: [{ operation: { ports: ['80'] } }],
          when: [{ key: 'request.headers[x]', values: ['a'] }],
        },
      ],
    },
  ],
  ['AuthorizationPolicy', {}],
  ['PeerAuthentication', { selector: { matchLabels: { app: 'web' } }, portLevelMtls: { 80: { mode: 'DISABLE' } } }],
  [
    'RequestAuthentication',
    { jwtRules: [{ issuer: 'a', jwksUri: 'https://keys.test:8443/jwks', fromHeaders: [{ name: 'x' }] }] },
  ],
  [
    'Telemetry',
    { accessLogging: [{ filter: { expression: 'response.code >= 400 && !(request.path in ["/a", "/b"])' } }] },
  ],
  ['WasmPlugin', { url: 'oci://registry.test/plugin:v1', sha256: 'ab'.repeat(32) }],
  ['WorkloadEntry', { address: 'db.test', ports: { tcp: 5432 } }],
  ['WorkloadGroup', { template: {}, probe: { httpGet: { port: 80, scheme: 'HTTPS' } } }],
  ['WorkloadGroup', { template: {}, probe: { httpGet: {}, exec: { command: ['true'] } } }],
  ['WorkloadEntry', { address: 'db.test', labels: { 'Example.com/tier': 'a'.repeat(64) } }],
  [
    'DestinationRule',
    {
      host: 'web',
      trafficPolicy: {
        outlierDetection: {},
        loadBalancer: {
          localityLbSetting: {
            failover: [{ from: 'north', to: 'south' }],
            failoverPriority: ['topology.kubernetes.io/region'],
          },
        },
      },
    },
  ],
  [
    'EnvoyFilter',
    {
      configPatches: [
        {
          applyTo: 'CLUSTER',
          match: { cluster: { name: 'x' } },
          patch: { operation: 'MERGE', value: { lb_policy: 'RANDOM' } },
        },
      ],
    },
  ],
];
