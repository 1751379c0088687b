import { describe, expect, it } from 'vitest';
import { countWork } from '@flotilla/testing';
import { loadResources } from './index.ts';

/** `rest` may have metadata and the namespace, `shop` by default. */
const object = (kind: string, name: string, rest: object): unknown => ({
  apiVersion: versions[kind] ?? 'networking.istio.io/v1beta1',
  kind,
  metadata: { name, namespace: 'shop', ...(rest as { metadata?: object }).metadata },
  ...('spec' in rest ? { spec: rest.spec } : {}),
});
const versions: Readonly<Record<string, string>> = {
  Service: 'v1',
  Pod: 'v1',
  AuthorizationPolicy: 'security.istio.io/v1',
  PeerAuthentication: 'security.istio.io/v1beta1',
  RequestAuthentication: 'security.istio.io/v1',
  Telemetry: 'telemetry.istio.io/v1alpha1',
};
const pod = (name: string, app: string, { namespace = 'shop', proxy = true } = {}): unknown =>
  object('Pod', name, {
    metadata: { namespace, labels: { app } },
    spec: { containers: [{ name: app }, ...(proxy ? [{ name: 'istio-proxy' }] : [])] },
  });
const policy = (name: string, app: string | undefined, namespace = 'shop'): unknown =>
  object('AuthorizationPolicy', name, {
    metadata: { namespace },
    spec: app === undefined ? {} : { selector: { matchLabels: { app } } },
  });
const gateway = (name: string, hosts: string[], { port = 80, app = 'gateway', bind = '' } = {}): unknown =>
  object('Gateway', name, {
    spec: {
      selector: { app },
      servers: [{ port: { number: port, name: 'http', protocol: 'HTTP' }, hosts, ...(bind ? { bind } : {}) }],
    },
  });
/** A Gateway with `n` ports and `n` labels. */
const wideGateway = (name: string, n: number): unknown => {
  const places = Array.from({ length: n }, (_, i) => i);
  return object('Gateway', name, {
    spec: {
      selector: Object.fromEntries(places.map((i) => [`label-${i}`, 'a'])),
      servers: places.map((i) => ({ port: { number: i + 1, name: `http-${i}`, protocol: 'HTTP' }, hosts: ['a.test'] })),
    },
  });
};
const route = (name: string, hosts: string[], { namespace = 'shop', ...more }: Record<string, unknown> = {}) =>
  object('VirtualService', name, {
    metadata: { namespace },
    spec: { hosts, http: [{ directResponse: { status: 200 } }], ...more },
  });

/** What is wrong with objects that are there together: code, object, path, text. */
const problemsWith = (...values: unknown[]): unknown[] =>
  loadResources([{ path: 'a.yaml', documents: values.map((value, i) => ({ index: i + 1, value })) }]).problems.map(
    ({ code, level, resource, path, message }) => [level, code, resource, path, message.split(';')[0]],
  );
const nothing = (resource: string, labels: string, path = 'spec.selector'): unknown => [
  'warning',
  'IST0127',
  resource,
  path,
  `No matching workloads for this resource with the following labels: ${labels}`,
];

describe('policies and Gateways without workloads', () => {
  it('are named where no pod with a proxy has their labels', () => {
    expect(
      problemsWith(
        pod('a', 'web'),
        pod('b', 'bare', { proxy: false }),
        pod('c', 'far', { namespace: 'far' }),
        policy('right', 'web'),
        policy('typo', 'wbe'),
        policy('bare', 'bare'),
        policy('far', 'far'),
        gateway('gw', ['a.test'], { app: 'nobody' }),
      ),
    ).toEqual([
      nothing('authorization-policies shop/typo', 'app=wbe'),
      nothing('authorization-policies shop/bare', 'app=bare'),
      nothing('authorization-policies shop/far', 'app=far'),
      ['warning', 'IST0101', 'gateways shop/gw', 'spec.selector', 'Referenced selector not found: "app=nobody"'],
    ]);
  });

  it('are named where a whole namespace has no proxy; in the root namespace they are for the mesh', () => {
    expect(
      problemsWith(
        pod('a', 'web'),
        pod('b', 'bare', { namespace: 'bare', proxy: false }),
        policy('all', undefined),
        policy('bare', undefined, 'bare'),
        policy('mesh', undefined, 'istio-system'),
        policy('mesh-web', 'web', 'istio-system'),
        policy('mesh-typo', 'wbe', 'istio-system'),
      ),
    ).toEqual([
      nothing('authorization-policies bare/bare', '', 'spec'),
      nothing('authorization-policies istio-system/mesh-typo', 'app=wbe'),
    ]);
  });

  it('are those of every kind, and WorkloadEntries are workloads', () => {
    const selector = { matchLabels: { app: 'vm' } };
    const policies = ['PeerAuthentication', 'RequestAuthentication', 'Telemetry'].map((kind) =>
      object(kind, 'p', { spec: { selector } }),
    );
    expect(problemsWith(pod('a', 'web'), ...policies)).toEqual([
      nothing('peer-authentications shop/p', 'app=vm'),
      nothing('request-authentications shop/p', 'app=vm'),
      ['warning', 'IST0101', 'telemetries shop/p', 'spec.selector', 'Referenced selector not found: "app=vm"'],
    ]);
    const entry = object('WorkloadEntry', 'vm', { spec: { address: '10.0.0.1', labels: { app: 'vm' } } });
    expect(problemsWith(pod('a', 'web'), entry, ...policies)).toEqual([]);
  });

  it('are not named where no pod is known at all', () =>
    expect(problemsWith(policy('a', 'web'), gateway('gw', ['a.test']))).toEqual([]));
});

describe('ports of Services', () => {
  const service = (name: string, port: object, metadata: object = {}): unknown =>
    object('Service', name, { metadata, spec: { ports: [{ port: 80, targetPort: 8080, ...port }] } });

  it('say their protocol by name or by appProtocol', () => {
    expect(
      problemsWith(
        service('web', { name: 'http-web' }),
        service('grpc', { name: 'x', appProtocol: 'grpc' }),
        service('dns', { name: 'x', protocol: 'UDP' }),
        service('database', { name: 'x', port: 3306 }),
        service('odd', { name: 'htp-web' }),
        service('system', { name: 'x' }, { namespace: 'kube-system' }),
        service('gateway', { name: 'status-port' }, { labels: { istio: 'ingressgateway' } }),
      ),
    ).toEqual([
      [
        'info',
        'IST0118',
        'services shop/odd',
        'spec.ports[0].name',
        "Port name htp-web (port: 80, targetPort: 8080) doesn't follow the naming convention of Istio port",
      ],
    ]);
  });
});

describe('conflicts', () => {
  it('of Gateways: the same workloads, port, address and host', () => {
    const conflict = (name: string, others: string, hosts: string): unknown => [
      'warning',
      'IST0145',
      `gateways shop/${name}`,
      'spec.servers[0]',
      `Conflict with gateways ${others} (workload selector app=gateway, port 80, hosts ${hosts})`,
    ];
    expect(
      problemsWith(
        gateway('a', ['x.test', 'y.test']),
        gateway('b', ['*/y.test']),
        gateway('host', ['z.test']),
        gateway('port', ['x.test'], { port: 81 }),
        gateway('workloads', ['x.test'], { app: 'other' }),
        gateway('address', ['x.test'], { bind: '10.0.0.1' }),
      ),
    ).toEqual([conflict('a', 'shop/b', 'x.test,y.test'), conflict('b', 'shop/a', '*/y.test')]);
  });

  it('of Gateways: protocols that cannot share a port of the same workloads', () => {
    const server = (place: string, hosts: string[], more: object = {}): unknown => {
      const [protocol = '', number = '', bind] = place.split(/[:@]/);
      return {
        port: { number: Number(number), name: place.replace(/\W/g, '-').toLowerCase(), protocol },
        hosts,
        ...(bind === undefined ? {} : { bind }),
        ...more,
      };
    };
    const on = (name: string, selector: object, ...servers: unknown[]): unknown =>
      object('Gateway', name, { spec: { selector, servers } });
    const conflict = (name: string, index: number, text: string): unknown => [
      'warning',
      'conflicting-protocols',
      `gateways shop/${name}`,
      `spec.servers[${index}].port`,
      `${text}, so this server does not work`,
    ];
    const passed = { tls: { mode: 'PASSTHROUGH' } };
    const ingress = { istio: 'ingressgateway' };
    const workload = object('Pod', 'gateway', {
      metadata: { labels: { ...ingress, app: 'istio-ingressgateway' } },
      spec: { containers: [{ name: 'istio-proxy' }] },
    });
    expect(
      problemsWith(
        workload,
        on(
          'a',
          ingress,
          server('HTTP:80', ['a.test']),
          server('TLS:443', ['a.test'], passed),
          server('TCP:9000', ['*']),
        ),
        on(
          'b',
          ingress,
          server('GRPC:80', ['b.test']),
          server('TCP:80', ['*']),
          server('TLS:443', ['b.test'], passed),
          server('HTTP:443', ['b.test']),
        ),
        on('by-other-label', { app: 'istio-ingressgateway' }, server('TLS:80', ['c.test'], passed)),
        on('bytes', ingress, server('Mongo:9000', ['c.test'])),
        on('other-address', ingress, server('TCP:80@10.0.0.1', ['*'])),
        on('other-port', ingress, server('TCP:81', ['*'])),
        on('other-workloads', { istio: 'egressgateway' }, server('TCP:80', ['*'])),
      ).filter((problem) => !JSON.stringify(problem).includes('IST0101')),
    ).toEqual([
      conflict('b', 1, 'Port 80 of these workloads is already HTTP in Gateway shop/a'),
      conflict('b', 3, 'Port 443 of these workloads is already TLS in Gateway shop/a'),
      conflict('by-other-label', 0, 'Port 80 of these workloads is already HTTP in Gateway shop/a'),
      conflict('bytes', 0, 'Port 9000 of these workloads is already TCP in Gateway shop/a'),
    ]);
  });

  it('of protocols are the younger Gateway', () => {
    const gatewayOf = (name: string, protocol: string, creationTimestamp: string): unknown =>
      object('Gateway', name, {
        metadata: { creationTimestamp },
        spec: {
          selector: { app: 'gateway' },
          servers: [{ port: { number: 80, name: 'p', protocol }, hosts: [`${name}.test`] }],
        },
      });
    expect(
      problemsWith(gatewayOf('a', 'HTTP', '2026-11-28T10:00:01Z'), gatewayOf('b', 'TCP', '2026-11-28T10:00:00Z')).map(
        (problem) => (problem as string[])[2],
      ),
    ).toEqual(['gateways shop/a']);
  });

  it('of hosts: DestinationRules and VirtualServices for hosts that nothing has', () => {
    const rule = (name: string, host: string): unknown => object('DestinationRule', name, { spec: { host } });
    const entry = object('ServiceEntry', 'entry', {
      spec: { hosts: ['*.known.test'], ports: [{ number: 80, name: 'http', protocol: 'HTTP' }], resolution: 'NONE' },
    });
    const unknown = (place: string, host: string): string =>
      `unknown-host ${place} No Service or ServiceEntry has the host "${host}", so this has no effect`;
    expect(
      problemsWith(
        object('Service', 'web', { spec: { ports: [{ name: 'http', port: 80 }] } }),
        entry,
        rule('a', 'web'),
        rule('b', 'web.shop.svc.cluster.local'),
        rule('c', 'a.known.test'),
        rule('d', '*.test'),
        rule('e', 'wbe'),
        rule('f', 'unknown.test'),
        route('a', ['web', 'api', 'resolved.elsewhere.test', '*.shop.svc.cluster.local']),
        route('b', ['wbe.other.svc.cluster.local']),
        route('c', ['edge'], { gateways: ['gw'] }),
        gateway('gw', ['*']),
      ).map((problem) => (problem as string[]).slice(1).join(' ')),
    ).toEqual([
      unknown('destination-rules shop/e spec.host', 'wbe'),
      unknown('destination-rules shop/f spec.host', 'unknown.test'),
      unknown('virtual-services shop/a spec.hosts[1]', 'api'),
      unknown('virtual-services shop/b spec.hosts[0]', 'wbe.other.svc.cluster.local'),
    ]);
  });

  it('of VirtualServices for sidecars: the same host in the same namespaces', () => {
    const conflict = (resource: string, all: string, host: string): unknown => [
      'warning',
      'IST0109',
      `virtual-services ${resource}`,
      'spec.hosts[0]',
      `The VirtualServices ${all} associated with mesh gateway define the same host ${host} which can lead to undefined behavior. This can be fixed by merging the conflicting VirtualServices into a single resource.`,
    ];
    expect(
      problemsWith(
        object('Service', 'web', { spec: { ports: [{ name: 'http', port: 80 }] } }),
        route('a', ['web']),
        route('b', ['web.shop.svc.cluster.local']),
        route('private', ['y.test'], { exportTo: ['.'] }),
        route('other-private', ['y.test'], { exportTo: ['.'], namespace: 'other' }),
        route('all', ['z.test']),
        route('one', ['z.test'], { exportTo: ['other'] }),
      ),
    ).toEqual([
      conflict('shop/a', 'shop/a,shop/b', '*/web.shop.svc.cluster.local'),
      conflict('shop/b', 'shop/a,shop/b', '*/web.shop.svc.cluster.local'),
      conflict('shop/all', 'shop/all,shop/one', 'other/z.test'),
      conflict('shop/one', 'shop/all,shop/one', 'other/z.test'),
    ]);
    const bound = { gateways: ['gw'] };
    expect(problemsWith(gateway('gw', ['*']), route('a', ['x.test'], bound), route('b', ['x.test'], bound))).toEqual(
      [],
    );
  });
});

it('delegations that are too many are reported once, with the first that is left out', () => {
  const [places, delegate] = [Array.from({ length: 300 }, (_, i) => i), { name: 'd' }];
  const inner = places.map((i) => ({ match: [{ uri: { exact: `/${i}` } }], directResponse: { status: 200 } }));
  const root = (count: number): unknown =>
    route('root', ['a.test'], { http: places.slice(0, count).map(() => ({ match: [{ port: 80 }], delegate })) });
  const problems = (count: number): unknown[] =>
    problemsWith(route('d', [], { http: inner }), root(count)).filter(
      (one) => (one as string[])[1] === 'too-many-delegations',
    );
  expect(problems(33)).toEqual([]);
  expect(problems(37)).toMatchObject([
    [
      'warning',
      'too-many-delegations',
      'virtual-services shop/root',
      'spec.http[33].delegate',
      expect.stringContaining('4 of its delegations'),
    ],
  ]);
});

describe('references', () => {
  it('to a port that the Service does not have', () => {
    const to = (port: number): unknown =>
      route(`p${port}`, [`p${port}.test`], {
        http: [{ route: [{ destination: { host: 'web', port: { number: port } } }] }],
      });
    const service = object('Service', 'web', { spec: { ports: [{ port: 80, name: 'http' }] } });
    expect(problemsWith(service, to(80), to(81))).toEqual([
      [
        'warning',
        'IST0101',
        'virtual-services shop/p81',
        'spec.http[0].route[0].destination.port.number',
        'Referenced host:port not found: "web:81"',
      ],
    ]);
  });

  it('to principals with a scheme, and to providers of telemetry that are not configured', () => {
    const named = object('AuthorizationPolicy', 'p', {
      spec: {
        rules: [
          { from: [{ source: { principals: ['cluster.local/ns/a/sa/b', 'spiffe://cluster.local/ns/a/sa/b'] } }] },
        ],
      },
    });
    const telemetry = object('Telemetry', 't', { spec: { tracing: [{ providers: [{ name: 'nowhere' }] }] } });
    const mesh = {
      kind: 'ConfigMap',
      metadata: { name: 'istio', namespace: 'istio-system' },
      data: { mesh: { extensionProviders: [{ name: 'there', zipkin: { service: 'zipkin.test', port: 9411 } }] } },
    };
    const there = object('Telemetry', 'u', { spec: { tracing: [{ providers: [{ name: 'there' }] }] } });
    expect(problemsWith(mesh, named, telemetry, there)).toEqual([
      [
        'warning',
        'principal-with-scheme',
        'authorization-policies shop/p',
        'spec.rules[0].from[0].source.principals[1]',
        'The principal "spiffe://cluster.local/ns/a/sa/b" never matches',
      ],
      [
        'warning',
        'IST0101',
        'telemetries shop/t',
        'spec.tracing[0].providers[0].name',
        'Referenced extension provider not found: "nowhere"',
      ],
    ]);
  });
});

it.each<[string, (n: number) => unknown[]]>([
  ['Gateways', (n) => Array.from({ length: n }, (_, i) => gateway(`g${i}`, ['a.test', 'b.test']))],
  ['ports of Gateways, and labels of their selectors', (n) => [wideGateway('a', n), wideGateway('b', n)]],
  [
    'VirtualServices',
    (n) => Array.from({ length: n }, (_, i) => route(`r${i}`, ['a.test'], { exportTo: [i % 2 ? '*' : `n${i}`] })),
  ],
  ['policies', (n) => Array.from({ length: n }, (_, i) => [policy(`p${i}`, `x${i}`), pod(`q${i}`, `y${i}`)]).flat()],
])('work and problems are proportional to the number of %s', async (_, make) => {
  problemsWith(...make(20));
  const measure = async (n: number): Promise<readonly [work: number, text: number]> => {
    let text = 0;
    const work = await countWork(() => {
      text = JSON.stringify(problemsWith(...make(n))).length;
    });
    return [work, text];
  };
  const [[work, text], [more, moreText]] = [await measure(100), await measure(400)];
  expect(more / work).toBeLessThan(8);
  expect(moreText / text).toBeLessThan(8);
});
