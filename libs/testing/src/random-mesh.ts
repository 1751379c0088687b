import fc, { type Arbitrary } from 'fast-check';
import {
  keyOf,
  kindOf,
  parseMeshConfig,
  parseResource,
  type AnyResource,
  type Collection,
  type ObjectKey,
} from '@flotilla/model';

/** One resource's new value; without `resource` it is gone. */
export interface MeshChange {
  readonly collection: Collection;
  readonly key: ObjectKey;
  readonly resource?: AnyResource;
}
/** Proxies as they connect: one of a pod, one without, one of another namespace, and a gateway. */
export interface MeshNode {
  readonly id: string;
  readonly metadata: Readonly<Record<string, unknown>>;
}

const { constantFrom, option, record, subarray } = fc;
type Specs = Arbitrary<Readonly<Record<string, unknown>>>;
const maybe = <T>(arbitrary: Arbitrary<T>): Arbitrary<T | undefined> => option(arbitrary, { nil: undefined });
const some = <T>(items: readonly T[]): Arbitrary<T[]> => subarray([...items], { minLength: 1 });

/** Few names, so that changes meet. */
const namespace = constantFrom('shop', 'bank', 'istio-system');
const suffix = 'svc.cluster.local';
const hosts = [`a.shop.${suffix}`, `b.shop.${suffix}`, `a.bank.${suffix}`, 'api.test', 'db.test'];
const host = constantFrom(...hosts, 'a', '*.test', `*.shop.${suffix}`, 'nowhere.test');
const app = constantFrom('a', 'b');
const address = constantFrom('10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4');
const exportTo = maybe(constantFrom(['*'], ['.'], ['bank'], ['~']));
const selector = maybe(record({ matchLabels: record({ app }) }));
const labels = record({ app, version: constantFrom('v1', 'v2') });
const ports = some([
  { name: 'http', number: 80, protocol: 'HTTP' },
  { name: 'grpc', number: 8080, protocol: 'GRPC' },
  { name: 'db', number: 9000, protocol: 'TCP' },
  { name: 'tls', number: 443, protocol: 'TLS' },
]);

const trafficPolicy = record({
  connectionPool: maybe(record({ tcp: record({ maxConnections: fc.integer({ min: 1, max: 3 }) }) })),
  outlierDetection: maybe(fc.constant({ consecutive5xxErrors: 3 })),
  tls: maybe(record({ mode: constantFrom('DISABLE', 'ISTIO_MUTUAL', 'SIMPLE') })),
  loadBalancer: maybe(
    constantFrom<object[]>(
      { simple: 'ROUND_ROBIN' },
      { consistentHash: { useSourceIp: true } },
      { simple: 'PASSTHROUGH' },
      { localityLbSetting: { failoverPriority: ['app'] } },
    ),
  ),
});
const destination = record({
  host: constantFrom(...hosts, 'b'),
  subset: maybe(constantFrom('v1', 'v2')),
  port: maybe(constantFrom({ number: 80 }, { number: 9000 })),
});
const httpRoute = record({
  match: maybe(
    some([
      { uri: { prefix: '/v2' } },
      { headers: { user: { exact: 'me' } } },
      { sourceLabels: { app: 'a' } },
      { sourceNamespace: 'bank' },
      { gateways: ['shop/a'] },
      { port: 80 },
    ]),
  ),
  route: fc.array(record({ destination, weight: constantFrom(50, 100) }), { minLength: 1, maxLength: 2 }),
  timeout: maybe(constantFrom('1s', '2s')),
  fault: maybe(fc.constant({ abort: { httpStatus: 503, percentage: { value: 10 } } })),
});
const rule = record({
  from: maybe(
    some([{ source: { namespaces: ['shop'] } }, { source: { principals: ['cluster.local/ns/bank/sa/default'] } }]),
  ),
  to: maybe(some([{ operation: { methods: ['GET'] } }, { operation: { ports: ['80', '9000'] } }])),
});

const specs: Readonly<Record<string, Specs>> = {
  'networking.istio.io/v1beta1 ServiceEntry': record({
    hosts: some(hosts),
    addresses: maybe(constantFrom(['10.9.0.1'], ['10.9.0.0/24'])),
    ports,
    exportTo,
    location: constantFrom('MESH_INTERNAL', 'MESH_EXTERNAL'),
    resolution: constantFrom('STATIC', 'NONE', 'DNS'),
    endpoints: maybe(
      fc.array(record({ address, labels, locality: maybe(constantFrom('r1/z1', 'r2/z2')) }), { maxLength: 3 }),
    ),
  }),
  'networking.istio.io/v1beta1 VirtualService': record({
    hosts: some([...hosts, '*.test']),
    gateways: maybe(some(['mesh', 'a', 'shop/a'])),
    exportTo,
    http: maybe(fc.array(httpRoute, { minLength: 1, maxLength: 2 })),
    tcp: maybe(
      fc.array(
        record({
          match: maybe(some([{ port: 9000 }, { sourceLabels: { app: 'b' } }])),
          route: fc.array(record({ destination }), { minLength: 1, maxLength: 1 }),
        }),
        { minLength: 1, maxLength: 1 },
      ),
    ),
  }),
  'networking.istio.io/v1beta1 DestinationRule': record({
    host,
    exportTo,
    trafficPolicy: maybe(trafficPolicy),
    workloadSelector: selector,
    subsets: maybe(
      fc.array(
        record({
          name: constantFrom('v1', 'v2'),
          labels: record({ version: constantFrom('v1', 'v2') }),
          trafficPolicy: maybe(trafficPolicy),
        }),
        { maxLength: 2 },
      ),
    ),
  }),
  'networking.istio.io/v1beta1 Sidecar': record({
    workloadSelector: maybe(record({ labels: record({ app }) })),
    outboundTrafficPolicy: maybe(record({ mode: constantFrom('REGISTRY_ONLY', 'ALLOW_ANY') })),
    egress: maybe(
      fc.array(
        record({
          hosts: some(['./*', '*/*', '*/api.test', `bank/a.bank.${suffix}`, 'istio-system/*']),
          port: maybe(constantFrom({ number: 80, protocol: 'HTTP', name: 'http' })),
        }),
        { minLength: 1, maxLength: 2 },
      ),
    ),
  }),
  'networking.istio.io/v1beta1 Gateway': record({
    selector: fc.constant({ istio: 'ingressgateway' }),
    servers: fc.array(
      record({
        port: constantFrom(
          { number: 80, name: 'http', protocol: 'HTTP' },
          { number: 9000, name: 'tcp', protocol: 'TCP' },
        ),
        hosts: some(['*', 'api.test', '*.test']),
      }),
      { minLength: 1, maxLength: 2 },
    ),
  }),
  'security.istio.io/v1beta1 PeerAuthentication': record({
    selector,
    mtls: maybe(record({ mode: constantFrom('STRICT', 'PERMISSIVE', 'DISABLE') })),
    portLevelMtls: maybe(constantFrom({ 80: { mode: 'DISABLE' } }, { 9000: { mode: 'STRICT' } })),
  }),
  'security.istio.io/v1beta1 AuthorizationPolicy': record({
    selector,
    action: constantFrom('ALLOW', 'DENY'),
    rules: maybe(fc.array(rule, { maxLength: 2 })),
  }),
  'security.istio.io/v1beta1 RequestAuthentication': record({
    selector,
    jwtRules: some([
      { issuer: 'one', jwks: '{"keys":[]}' },
      { issuer: 'two', jwks: '{"keys":[]}', forwardOriginalToken: true },
    ]),
  }),
  'networking.istio.io/v1beta1 WorkloadEntry': record({
    address,
    labels,
    locality: maybe(constantFrom('r1/z1', 'r2/z2')),
    network: maybe(constantFrom('near', 'far')),
  }),
  'telemetry.istio.io/v1alpha1 Telemetry': record({
    selector,
    accessLogging: maybe(fc.constant([{ providers: [{ name: 'envoy' }] }])),
    metrics: maybe(
      constantFrom(
        [{ providers: [{ name: 'prometheus' }] }],
        [{ providers: [{ name: 'prometheus' }], overrides: [{ disabled: true }] }],
      ),
    ),
  }),
  'v1 Service': record({
    clusterIP: constantFrom('10.8.0.1', '10.8.0.2', 'None'),
    selector: maybe(record({ app })),
    ports: ports.map((all) => all.map(({ name, number }) => ({ name, port: number, targetPort: number }))),
  }),
  'v1 Pod': record({
    containers: fc.constant([]),
    nodeName: constantFrom('n1', 'n2'),
    serviceAccountName: constantFrom('default', 'other'),
  }),
  'discovery.k8s.io/v1 EndpointSlice': fc.constant({}),
  'v1 Node': fc.constant({}),
  'v1 Namespace': fc.constant({}),
};
/** What these kinds have beside a spec. */
const extras: Readonly<Record<string, Specs>> = {
  'v1 Pod': address.map((podIP) => ({ status: { phase: 'Running', podIP } })),
  'discovery.k8s.io/v1 EndpointSlice': record({
    addressType: fc.constant('IPv4'),
    ports: fc.constant([
      { name: 'http', port: 80 },
      { name: 'db', port: 9000 },
    ]),
    endpoints: fc.array(
      record({ addresses: address.map((one) => [one]), conditions: record({ ready: fc.boolean() }) }),
      { maxLength: 3 },
    ),
  }),
};

function change(type: string): Arbitrary<MeshChange> {
  const [apiVersion, kind] = type.split(' ') as [string, string];
  const values = {
    app,
    version: constantFrom('v1', 'v2'),
    'kubernetes.io/service-name': app,
    'topology.kubernetes.io/region': constantFrom('r1', 'r2'),
    'topology.istio.io/network': constantFrom('near', 'far'),
  };
  const name = kind === 'Node' ? constantFrom('n1', 'n2') : kind === 'Namespace' ? namespace : app;
  const meta = record({
    name,
    namespace: kind === 'Node' || kind === 'Namespace' ? fc.constant('') : namespace,
    labels: record(values),
  });
  return record({
    meta,
    spec: specs[type] as Specs,
    extra: extras[type] ?? fc.constant({}),
    isGone: fc.nat(3).map((n) => n === 0),
  }).map(({ meta, spec, extra, isGone }): MeshChange => {
    const raw = JSON.parse(JSON.stringify({ apiVersion, kind, metadata: meta, spec, ...extra })) as unknown;
    const parsed = parseResource(raw);
    const collection = kindOf(raw)?.collection;
    if (!parsed.ok || !collection) throw new Error(`${type} is not valid: ${JSON.stringify(parsed)}`);
    return {
      collection,
      key: keyOf(parsed.value.resource.meta),
      ...(isGone ? {} : { resource: parsed.value.resource }),
    };
  });
}

const meshChange = constantFrom(
  {},
  { outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' } },
  { defaultServiceExportTo: ['.'] },
  { enableAutoMtls: false },
).map((raw): MeshChange => {
  const parsed = parseMeshConfig(raw);
  if (!parsed.ok) throw new Error('no mesh configuration');
  return { collection: 'mesh-config', key: keyOf(parsed.value.meta), resource: parsed.value };
});

/** Random steps of a small mesh's life, each of a few changes seen at once. */
export const meshLife = ({ steps }: { steps: number }): Arbitrary<MeshChange[][]> =>
  fc.array(
    fc.array(
      fc.oneof(...Object.keys(specs).map((type) => ({ arbitrary: change(type), weight: 4 })), {
        arbitrary: meshChange,
        weight: 1,
      }),
      { minLength: 1, maxLength: 6 },
    ),
    { maxLength: steps },
  );

const sidecar = (address: string, namespace: string, labels: Readonly<Record<string, string>>): MeshNode => ({
  id: `sidecar~${address}~${labels['app']}.${namespace}~${namespace}.${suffix}`,
  metadata: { NAMESPACE: namespace, CLUSTER_ID: 'Kubernetes', LABELS: labels, DNS_CAPTURE: 'true' },
});
export const meshNodes: readonly MeshNode[] = [
  sidecar('10.0.0.1', 'shop', { app: 'a', version: 'v1' }),
  sidecar('10.0.0.9', 'shop', { app: 'b', version: 'v2' }),
  sidecar('10.0.0.8', 'shop', { app: 'b', version: 'v1' }),
  sidecar('10.0.0.2', 'bank', { app: 'a', version: 'v1' }),
  {
    id: `router~10.0.1.1~gw.istio-system~istio-system.${suffix}`,
    metadata: { NAMESPACE: 'istio-system', CLUSTER_ID: 'Kubernetes', LABELS: { istio: 'ingressgateway' } },
  },
];

/** Names that a proxy of such a mesh may ask for. */
export const meshNames: Readonly<Record<'eds' | 'rds', readonly string[]>> = {
  eds: hosts.flatMap((host) =>
    [80, 8080, 9000, 443].flatMap((port) => ['', 'v1'].map((subset) => `outbound|${port}|${subset}|${host}`)),
  ),
  rds: ['80', '8080', '443', '9000', 'http.80', 'http.9000', 'api.test:80', 'http_proxy'],
};
