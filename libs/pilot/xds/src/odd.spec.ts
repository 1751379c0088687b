import { describe, expect, it } from 'vitest';
import {
  ask,
  destinationRule,
  object,
  service,
  serviceEntry,
  sidecar,
  virtualService,
  peerAuthentication,
} from './mesh.fixture.ts';

const host = 'a.shop.svc.cluster.local';
const web = service('a', {
  clusterIP: '10.8.0.1',
  selector: { app: 'a' },
  ports: [
    { name: 'http', port: 80, targetPort: 'http' },
    { name: 'tcp', port: 90 },
    { name: 'tls', port: 443 },
    { port: 7000 },
  ],
});
const pod = object('v1 Pod', 'client', {
  metadata: { labels: { app: 'a' } },
  spec: { containers: [{ ports: [{ containerPort: 80 }] }, {}] },
  status: { podIP: '10.0.0.9', phase: 'Running' },
});
const slice = object('discovery.k8s.io/v1 EndpointSlice', 'a', {
  metadata: { labels: { 'kubernetes.io/service-name': 'a' } },
  addressType: 'IPv4',
  ports: [{ name: 'http', port: 8080 }, {}],
  endpoints: [{ addresses: ['10.0.0.9'] }, { addresses: [] }, { addresses: ['not an address'], conditions: {} }],
});
const rule = (spec: object) => destinationRule('a', { host, ...spec });
const vs = (spec: object) => virtualService('a', { hosts: [host], ...spec });
const http = (...http: object[]) => vs({ http });
const to = [{ destination: { host } }];

const odd: Record<string, object[]> = {
  emptyVs: [virtualService('a', {})],
  vsNoHost: [virtualService('a', { http: [{}] })],
  vsEmptyRoute: [http({})],
  vsRouteNoDest: [http({ route: [{}] })],
  vsRoute2NoDest: [http({ route: [{}, {}] })],
  vsEmptyMatch: [http({ match: [{}], route: to })],
  vsNulls: [
    http({
      match: [
        {
          uri: {},
          headers: { a: {} },
          queryParams: { b: {} },
          withoutHeaders: { c: {} },
          method: {},
          authority: {},
          scheme: {},
        },
      ],
      route: to,
    }),
  ],
  vsRewriteEmpty: [http({ rewrite: {}, route: to })],
  vsRedirectEmpty: [http({ redirect: {} })],
  vsDirectEmpty: [http({ directResponse: {} })],
  vsFaultEmpty: [http({ fault: {}, route: to })],
  vsFaultInner: [http({ fault: { delay: {}, abort: {} }, route: to })],
  vsMirrorEmpty: [http({ mirror: {}, route: to })],
  vsCorsEmpty: [http({ corsPolicy: {}, route: to })],
  vsCors2: [http({ corsPolicy: { allowOrigins: [{}] }, route: to })],
  vsRetries: [http({ retries: {}, route: to })],
  vsRetries2: [http({ retries: { attempts: -1, retryOn: ',,', perTryTimeout: '0s' }, route: to })],
  vsTimeoutNeg: [http({ timeout: '-1s', route: to })],
  vsWeights: [
    http({
      route: [
        { destination: { host }, weight: -5 },
        { destination: { host }, weight: 0 },
      ],
    }),
  ],
  vsAllZero: [
    http({
      route: [
        { destination: { host }, weight: 0 },
        { destination: { host }, weight: 0 },
      ],
    }),
  ],
  vsDelegateMissing: [http({ delegate: { name: 'x' } })],
  vsDelegateEmpty: [http({ delegate: {} })],
  vsHeaders: [http({ headers: { request: {}, response: { set: {}, add: {}, remove: [''] } }, route: to })],
  vsTcpEmpty: [vs({ tcp: [{}] })],
  vsTcpNoDest: [vs({ tcp: [{ route: [{}] }] })],
  vsTcpMatch: [vs({ tcp: [{ match: [{}, { destinationSubnets: ['bad', '10.0.0.0/99', ''] }], route: to }] })],
  vsTcpZero: [
    vs({
      tcp: [
        {
          route: [
            { destination: { host }, weight: 0 },
            { destination: { host }, weight: 0 },
          ],
        },
      ],
    }),
  ],
  vsTlsEmpty: [vs({ tls: [{}] })],
  vsTlsMatch: [
    vs({ tls: [{ match: [{}, { sniHosts: [] }, { sniHosts: ['x'], destinationSubnets: ['bad'] }], route: to }] }),
  ],
  drEmpty: [destinationRule('a', {})],
  drPolicies: [rule({ trafficPolicy: {} })],
  drLb: [rule({ trafficPolicy: { loadBalancer: {} } })],
  drHash: [rule({ trafficPolicy: { loadBalancer: { consistentHash: {} } } })],
  drHash2: [rule({ trafficPolicy: { loadBalancer: { consistentHash: { httpCookie: {}, ringHash: {} } } } })],
  drPool: [
    rule({
      trafficPolicy: {
        connectionPool: {
          tcp: { maxConnections: -1, tcpKeepalive: {} },
          http: { http1MaxPendingRequests: -3, maxRetries: -1, maxRequestsPerConnection: -1, idleTimeout: '0s' },
        },
      },
    }),
  ],
  drOutlier: [rule({ trafficPolicy: { outlierDetection: {} } })],
  drOutlier2: [
    rule({
      trafficPolicy: {
        outlierDetection: {
          consecutive5xxErrors: 0,
          maxEjectionPercent: -1,
          minHealthPercent: -1,
          splitExternalLocalOriginErrors: true,
        },
      },
    }),
  ],
  drTls: [rule({ trafficPolicy: { tls: {} } })],
  drTls2: [rule({ trafficPolicy: { tls: { mode: 'MUTUAL' } } })],
  drTls3: [rule({ trafficPolicy: { tls: { mode: 'SIMPLE', credentialName: 'x', subjectAltNames: [''] } } })],
  drSubset: [rule({ subsets: [{}, { name: 'v1' }, { name: 'v1', labels: {} }] })],
  drPort: [rule({ trafficPolicy: { portLevelSettings: [{}, { port: {} }, { port: { number: 80 } }] } })],
  drLocality: [
    rule({
      trafficPolicy: {
        outlierDetection: {},
        loadBalancer: {
          localityLbSetting: {
            distribute: [{}, { from: '' }, { from: '*', to: {} }],
            failover: [{}],
            failoverPriority: [''],
          },
        },
      },
    }),
  ],
  drTunnel: [rule({ trafficPolicy: { tunnel: {} } })],
  drSelector: [rule({ workloadSelector: {} })],
  drWild: [destinationRule('w', { host: '*' })],
  drBigPool: [
    rule({
      trafficPolicy: {
        connectionPool: {
          tcp: {
            maxConnections: 2147483647,
            connectTimeout: '0.5s',
            tcpKeepalive: { probes: 4294967295, time: '1.5s', interval: '100h' },
          },
        },
      },
    }),
  ],
  seEmpty: [serviceEntry('s', {})],
  seNoPorts: [serviceEntry('s', { hosts: ['x.test'] })],
  sePort: [serviceEntry('s', { hosts: ['x.test'], ports: [{}] })],
  seDns: [
    serviceEntry('s', {
      hosts: ['x.test', '*.y.test', ''],
      resolution: 'DNS',
      ports: [{ number: 80, name: 'http', protocol: 'HTTP' }],
      endpoints: [{}],
    }),
  ],
  seStatic: [
    serviceEntry('s', {
      hosts: ['x.test'],
      resolution: 'STATIC',
      addresses: ['', 'bad', '10.0.0.0/33', '10.1.0.0/16'],
      ports: [{ number: 80, name: 'p' }],
      endpoints: [
        { address: 'unix://' },
        { address: '10.0.0.1', ports: { p: 0 }, weight: 4294967295, locality: '//' },
        { address: '10.0.0.2', weight: 4294967295 },
      ],
    }),
  ],
  seSelector: [
    serviceEntry('s', {
      hosts: ['x.test'],
      workloadSelector: {},
      resolution: 'STATIC',
      ports: [{ number: 80, name: 'p' }],
    }),
  ],
  we: [object('networking.istio.io/v1beta1 WorkloadEntry', 'w', { spec: {} })],
  we2: [
    object('networking.istio.io/v1beta1 WorkloadEntry', 'w', { spec: { address: '10.0.0.9', labels: { app: 'a' } } }),
  ],
  svcEmpty: [service('x', {})],
  svcExt: [service('x', { type: 'ExternalName', ports: [{ port: 80 }] })],
  svcExt2: [service('x', { type: 'ExternalName', externalName: 'e.test' })],
  svcHeadless: [service('x', { clusterIP: 'None', ports: [{ port: 80 }] })],
  svcHeadlessNoPort: [service('x', { clusterIP: 'None' })],
  svcV6: [
    service('x', {
      clusterIP: 'fd00::1',
      clusterIPs: ['fd00::1', '10.1.1.1'],
      ports: [{ port: 80, name: 'http' }, { port: 81 }],
    }),
  ],
  svcSctp: [service('x', { clusterIP: '10.2.2.2', ports: [{ port: 80, protocol: 'SCTP', name: 'http' }] })],
  sliceNoPorts: [
    object('discovery.k8s.io/v1 EndpointSlice', 'b', {
      metadata: { labels: { 'kubernetes.io/service-name': 'a' } },
      addressType: 'IPv4',
      endpoints: [{ addresses: ['10.0.0.5'] }],
    }),
  ],
  sliceNothing: [
    object('discovery.k8s.io/v1 EndpointSlice', 'b', {
      metadata: { labels: { 'kubernetes.io/service-name': 'nowhere' } },
      addressType: 'IPv6',
    }),
  ],
  podNothing: [object('v1 Pod', 'p', { spec: {} })],
  sidecarEmpty: [sidecar('s', {})],
  sidecarEgress: [sidecar('s', { egress: [{}] })],
  sidecarHosts: [sidecar('s', { egress: [{ hosts: ['bad', '/', '*/', '~/*', './*'] }] })],
  sidecarPort: [sidecar('s', { egress: [{ port: {}, hosts: ['./*'] }] })],
  sidecarUnix: [
    sidecar('s', {
      egress: [
        { port: { number: 0, protocol: 'HTTP', name: 'x' }, bind: 'unix:///x', hosts: ['./*'] },
        { port: { number: 0, protocol: 'TCP', name: 'x' }, bind: 'unix:///y', hosts: ['./*'] },
      ],
    }),
  ],
  sidecarIngress: [sidecar('s', { ingress: [{}] })],
  sidecarIngress2: [
    sidecar('s', {
      ingress: [
        { port: { number: 80, protocol: '???' }, defaultEndpoint: 'x' },
        { port: { number: 80 }, defaultEndpoint: '127.0.0.1:' },
      ],
    }),
  ],
  sidecarBind: [
    sidecar('s', { egress: [{ port: { number: 70, protocol: 'TCP' }, bind: 'bad bind', hosts: ['./*'] }] }),
  ],
  pa: [peerAuthentication('p', {})],
  pa2: [peerAuthentication('p', { selector: {}, mtls: {}, portLevelMtls: { 80: {}, 0: { mode: 'STRICT' } } })],
  pa3: [
    peerAuthentication('p', {
      selector: { matchLabels: { app: 'a' } },
      portLevelMtls: { 0: { mode: 'STRICT' }, 99999: { mode: 'DISABLE' } },
    }),
  ],
};

describe('odd input', () => {
  it.each(Object.entries(odd))('never breaks an answer: %s', (_, objects) => {
    for (const proxy of [
      {},
      { metadata: { INTERCEPTION_MODE: 'NONE' } },
      { ip: 'fd00::9' },
      { metadata: { DNS_CAPTURE: 'true', DNS_AUTO_ALLOCATE: 'true', INTERCEPTION_MODE: 'TPROXY', CLUSTER_ID: '' } },
    ]) {
      const mesh = ask([web, pod, slice, ...objects] as never, { labels: { app: 'a' }, ...proxy });
      for (const name of mesh.names('cds')) mesh.named('cds', name);
      for (const name of mesh.names('cds')) mesh.one('eds', name);
      for (const name of mesh.names('lds')) mesh.named('lds', name);
      for (const name of [
        '80',
        '90',
        '443',
        '7000',
        '70',
        '0',
        'http_proxy',
        'unix:///x',
        `${host}:7000`,
        'x.test:80',
        '',
        ':',
        'a:b:c',
        '99999',
        '-1',
      ])
        mesh.one('rds', name);
      for (const name of [
        '',
        '|',
        'outbound|80',
        'outbound|x||y',
        'inbound|80||',
        'outbound_.80_._.x',
        `outbound|80|nosuch|${host}`,
      ])
        mesh.one('eds', name);
      expect(mesh.names('cds').length).toBeGreaterThan(2);
    }
  });
});
