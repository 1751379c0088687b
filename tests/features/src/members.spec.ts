import { afterEach, describe, expect, it, vi } from 'vitest';
import { keyOf, type AnyResource } from '@flotilla/model';
import { resourcePatches, type View } from '@flotilla/pilot-world';
import { typeUrls, type XdsKind } from '@flotilla/pilot-xds';
import { resourceOf } from '@flotilla/testing';
import type { Stream, Variant } from './proxy-stream.fixture.ts';
import { openPilot, type Rig } from './secrets.fixture.ts';

/** Parts that fail on purpose, while the World has a patch of this key. */
const broken = (view: View, what: string): boolean => view.derived(resourcePatches, `break ${what}`) !== undefined;
vi.mock('../../../libs/pilot/xds/src/listeners/inbound-chains.ts', async (original) => {
  const real = await original<typeof import('../../../libs/pilot/xds/src/listeners/inbound-chains.ts')>();
  return {
    ...real,
    buildInboundChain(view: View, planned: Parameters<typeof real.buildInboundChain>[1]) {
      if (planned.id === '0.0.0.0_8080/1' && broken(view, 'chain')) throw new Error('no such chain');
      return real.buildInboundChain(view, planned);
    },
  };
});
vi.mock('../../../libs/pilot/xds/src/endpoints/member.ts', async (original) => {
  const real = await original<typeof import('../../../libs/pilot/xds/src/endpoints/member.ts')>();
  return {
    ...real,
    edsMember(...args: Parameters<typeof real.edsMember>) {
      const [view, { locality }] = args;
      if (locality === 'west' && broken(view, 'group')) throw new Error('no such group');
      return real.edsMember(...args);
    },
  };
});

const host = (name: string): string => `${name}.shop.svc.cluster.local`;
const istio = (kind: string, name: string, spec: object): object => ({
  apiVersion: 'networking.istio.io/v1beta1',
  kind,
  metadata: { name, namespace: 'shop' },
  spec,
});
const service = (
  name: string,
  address: number,
  { ports, selector }: { ports: object[]; selector?: object },
): object => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: 'shop' },
  spec: { clusterIP: `10.8.0.${address}`, ports, ...(selector ? { selector } : {}) },
});
const http = { ports: [{ name: 'http', port: 80 }] };
const leaving = service('leaving', 3, http);
/** A service of which each version has other endpoints, and another cluster. */
const api = (version: number): object[] => [
  istio('ServiceEntry', 'api', {
    hosts: [host('api')],
    addresses: ['10.9.0.1'],
    ports: [{ number: 80, name: 'http', protocol: 'HTTP' }],
    resolution: 'STATIC',
    location: 'MESH_INTERNAL',
    endpoints: [
      { address: `10.1.${version}.1`, locality: 'east' },
      { address: `10.1.${version}.2`, locality: 'west' },
    ],
  }),
  istio('DestinationRule', 'api', {
    host: host('api'),
    trafficPolicy: { connectionPool: { tcp: { maxConnections: version } } },
  }),
];
const route = (version: number): object =>
  istio('VirtualService', 'web', {
    hosts: [host('web')],
    http: [{ timeout: `${version}s`, route: [{ destination: { host: host('web') } }] }],
  });
const policy = (version: number): object => ({
  apiVersion: 'security.istio.io/v1beta1',
  kind: 'AuthorizationPolicy',
  metadata: { name: 'all', namespace: 'shop' },
  spec: { rules: [{ to: [{ operation: { paths: [`/v${version}`] } }] }] },
});
/** Changes every listener that inspects what its clients speak. */
const detection = (version: number): object => ({ kind: 'MeshConfig', protocolDetectionTimeout: `${version}s` });
const pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'client', namespace: 'shop', labels: { app: 'client' } },
  spec: { containers: [], serviceAccountName: 'client' },
  status: { podIP: '10.0.0.1', phase: 'Running' },
};
const mesh: readonly object[] = [
  ...api(1),
  route(1),
  policy(1),
  pod,
  service('web', 1, http),
  service('client', 2, { ports: [{ name: 'http', port: 80, targetPort: 8080 }], selector: { app: 'client' } }),
  leaving,
  service('bytes', 4, { ports: [{ name: 'tcp', port: 90 }] }),
];
const secret = 'kubernetes://web';
const cluster = `outbound|80||${host('api')}`;

/** Each kind of member, how one of it is made to fail, and what it is of. */
const members: readonly {
  readonly what: string;
  readonly kind: XdsKind;
  readonly name: string;
  /** A patch that throws; else the part of this name fails. */
  readonly part?: string;
  readonly by?: 'gateway';
}[] = [
  { what: 'cluster', kind: 'cds', name: cluster },
  { what: 'listener', kind: 'lds', name: '0.0.0.0_80' },
  { what: 'inbound listener', kind: 'lds', name: 'virtualInbound' },
  { what: 'load assignment', kind: 'eds', name: cluster },
  { what: 'route configuration', kind: 'rds', name: '80' },
  { what: 'name table', kind: 'nds', name: '' },
  { what: 'secret', kind: 'sds', name: secret, by: 'gateway' },
  { what: 'filter chain', kind: 'lds', name: 'virtualInbound', part: 'chain' },
  { what: 'endpoint group', kind: 'eds', name: cluster, part: 'group' },
  { what: 'virtual host', kind: 'rds', name: '80', part: 'host' },
];
type Broken = (typeof members)[number];

const isResource = (object: object): object is AnyResource => 'collection' in object;

class Mesh {
  readonly #rig: Rig;
  readonly streams: readonly Stream[];
  #marks = 0;

  private constructor(rig: Rig, streams: readonly Stream[]) {
    this.#rig = rig;
    this.streams = streams;
  }

  static async open(variant: Variant, by: Broken['by']): Promise<Mesh> {
    const rig = await openPilot({ readers: ['shop/gateway'], objects: [...mesh] });
    rig.give({ put: new Map([['shop/web', { certificate: Buffer.from('c1'), key: Buffer.from('k1') }]]) });
    const stream = await rig.connect(
      by === 'gateway'
        ? { variant, account: 'shop/gateway' }
        : { variant, type: 'sidecar', name: 'client', metadata: { DNS_CAPTURE: 'true', CLUSTER_ID: 'Kubernetes' } },
    );
    if (by === 'gateway') stream.ask(typeUrls.sds, [secret]);
    else {
      stream.ask(typeUrls.eds, [cluster, `outbound|80||${host('web')}`]);
      stream.ask(typeUrls.lds, []);
      stream.ask(typeUrls.rds, ['80']);
      stream.ask(typeUrls.nds, []);
    }
    await stream.roundTrip();
    if (by === 'gateway') await stream.has(typeUrls.sds, secret);
    return new Mesh(rig, [stream]);
  }

  get rig(): Rig {
    return this.#rig;
  }

  /** Applies objects and ends of objects as one batch, and waits until each stream has what comes of it. */
  async apply(put: readonly (object | AnyResource)[], gone: readonly object[] = []): Promise<void> {
    this.#marks += 1;
    const mark = service(`mark-${this.#marks}`, 100 + this.#marks, http);
    await this.#rig.publish({
      put: [...put, mark].map((object) => ({
        resource: isResource(object) ? object : resourceOf(object),
      })),
      delete: gone.map((object) => ({ collection: 'services', key: keyOf(resourceOf(object).meta) })),
    });
    for (const stream of this.streams) {
      await stream.has(typeUrls.cds, `outbound|80||${host(`mark-${this.#marks}`)}`);
      await stream.roundTrip();
    }
  }

  held(kind: XdsKind): Record<string, string> {
    return Object.fromEntries(this.streams[0]?.held.get(typeUrls[kind]) ?? []);
  }

  get all(): Record<string, Record<string, string>> {
    return Object.fromEntries(
      (['cds', 'eds', 'lds', 'rds', 'sds', 'nds'] as const).map((kind) => [kind, this.held(kind)]),
    );
  }
}

/** A VirtualService that galley would not let through: only a bug of its own puts it on the bus. */
const brokenRoute = (): AnyResource => {
  const good = resourceOf(route(2));
  return { ...good, spec: { hosts: [host('web')], http: [null] } } as unknown as AnyResource;
};

describe.each(['sotw', 'delta'] as const)('a member that fails (%s)', (variant) => {
  let failing: Mesh;
  let control: Mesh;
  afterEach(async () => {
    await failing.rig.close();
    await control.rig.close();
  });

  it.each(members)('costs itself and nothing else: $what', async ({ kind, name, part, by }) => {
    [failing, control] = [await Mesh.open(variant, by), await Mesh.open(variant, by)];
    expect(failing.all).toEqual(control.all);
    const before = failing.held(kind);
    expect(Object.keys(before)).toContain(name);
    // It fails, while everything changes, the member too, and something goes.
    const breakIt = (value: unknown): void =>
      failing.rig.engine.begin([{ collection: resourcePatches, key: part ? `break ${part}` : 'p', value }]);
    if (part !== 'host')
      breakIt({
        kind: part ? 'ecds' : kind,
        priority: 0,
        concerns: (_: View, resource: string) => resource === name,
        apply() {
          throw new Error('on purpose');
        },
      });
    const good = [...api(2), route(2), policy(2), detection(2)];
    for (const { rig } of [failing, control])
      rig.give({ put: new Map([['shop/web', { certificate: Buffer.from('c2'), key: Buffer.from('k2') }]]) });
    await control.apply(good, [leaving]);
    await failing.apply(part === 'host' ? [...api(2), brokenRoute(), policy(2), detection(2)] : good, [leaving]);
    const [now, wanted] = [failing.all, control.all];
    const { [name]: kept, ...others } = now[kind] ?? {};
    const { [name]: fresh, ...otherWanted } = wanted[kind] ?? {};
    expect({ ...now, [kind]: others }).toEqual({ ...wanted, [kind]: otherWanted });
    expect(kept).not.toBe(fresh);
    if (!part) expect(kept).toBe(before[name]);
    else expect(kept?.length).toBe(fresh?.length);
    expect(now['cds']).not.toHaveProperty([`outbound|80||${host('leaving')}`]);
    // It is said once, with what it was read from.
    const [problem, ...more] = failing.rig.problems();
    expect(more).toEqual([]);
    expect(problem).toMatchObject({ code: 'not-generated', type: kind, resources: [name], proxies: 1 });
    expect(problem?.objects.length).toBeGreaterThan(0);
    const said = (): readonly string[] =>
      failing.rig.logs.flatMap(({ message }) => (/generated/.test(message) ? message.slice(0, 40) : []));
    expect(said()).toHaveLength(1);
    // Healed, it is what it would be.
    if (part !== 'host') breakIt(undefined);
    const last = [...api(3), route(3), policy(3), detection(3)];
    await control.apply(last);
    await failing.apply(last);
    expect(failing.all).toEqual(control.all);
    expect([failing.rig.problems(), said().length]).toEqual([[], 2]);
  });
});
