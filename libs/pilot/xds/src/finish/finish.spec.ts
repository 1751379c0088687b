import { describe, expect, it } from 'vitest';
import { createWorldStore, parseProxy, resourcePatches } from '@flotilla/pilot-world';
import { envoy } from '@flotilla/proto-gen/envoy';
import { toJson, type Json } from '@flotilla/proto-gen/json';
import { checkAgainstScratch, Engine, ListWatch, Subject, type Change } from '@flotilla/query';
import { changeOf, meshConfig, service } from '../mesh.fixture.ts';
import { readAll, readOne } from '../read.ts';
import { listsOf, type WholeKind } from '../roots.ts';
import { resourceKey, typeUrls, type Messages, type XdsKind } from './kinds.ts';
import type { Patch } from './patches.ts';
import { configIn, typedConfig } from './typed-config.ts';

const names = ['a', 'b', 'c'];
const hosts = names.map((name) => `${name}.shop.svc.cluster.local`);
const kubernetesSecret = 'kubernetes://web';

function newWorld(): { readonly engine: Engine; readonly subject: Subject } {
  const engine = new Engine(createWorldStore());
  engine.apply([
    ...meshConfig({}),
    ...names.flatMap((name, i) =>
      changeOf(service(name, { clusterIP: `10.8.0.${i}`, ports: [{ name: 'http', port: 80 }] })),
    ),
    { collection: 'credential-readers', key: 'shop/client', value: true },
    {
      collection: 'credentials',
      key: 'shop/web',
      value: { certificate: Buffer.from('certificate'), key: Buffer.from('key') },
    },
  ]);
  const proxy = parseProxy(
    {
      id: 'sidecar~10.0.0.9~client.shop~shop.svc.cluster.local',
      metadata: { NAMESPACE: 'shop', DNS_CAPTURE: 'true', LABELS: { app: 'client' } },
    },
    { identity: 'spiffe://cluster.local/ns/shop/sa/client' },
  );
  if (!proxy.ok) throw new Error(proxy.error);
  return { engine, subject: new Subject({ ...proxy.value }) };
}

/** A patch of one kind for the resources whose name includes a text, under a key of its own. */
function patch<K extends XdsKind>(
  key: string,
  of: { kind: K; name?: string; priority?: number; label?: string; apply: (message: Messages[K]) => Messages[K] },
): Change {
  const { kind, name = '', priority = 0, label, apply } = of;
  const value: Patch<K> = {
    kind,
    priority,
    concerns: (view, resource) => resource.includes(name) && (label === undefined || view.label('app') === label),
    apply,
  };
  return { collection: resourcePatches, key, value };
}
const noPatch = (key: string): Change => ({ collection: resourcePatches, key, value: undefined });
const withStatName = (suffix: string) => (cluster: Messages['cds']) => ({
  ...cluster,
  altStatName: `${cluster.altStatName ?? ''}${suffix}`,
});

type Listener = Messages['lds'];
const { HttpConnectionManager } = envoy.extensions.filters.network.http_connection_manager.v3;
type Manager = envoy.extensions.filters.network.http_connection_manager.v3.IHttpConnectionManager;
/** A listener with its HTTP connection managers changed. */
const withManagers = (listener: Listener, change: (manager: Manager) => Manager): Listener => ({
  ...listener,
  filterChains: listener.filterChains?.map((chain) => ({
    ...chain,
    filters: chain.filters?.map((filter) => {
      const manager = configIn(HttpConnectionManager, filter.typedConfig);
      return manager ? { ...filter, typedConfig: typedConfig(HttpConnectionManager, change(manager)) } : filter;
    }),
  })),
});
const renamed = ({ httpFilters, routeConfig, ...rest }: Manager): Manager => ({
  ...rest,
  httpFilters: [
    { name: 'added', typedConfig: typedConfig(envoy.extensions.filters.http.router.v3.Router, {}) },
    ...(httpFilters ?? []),
  ],
  routeConfig: { ...routeConfig, virtualHosts: [{ name: 'renamed', domains: ['*'] }] },
});

interface ManagerJson {
  readonly httpFilters: readonly { readonly name: string }[];
  readonly routeConfig: { readonly virtualHosts: readonly { readonly name: string }[] };
}
/** The HTTP connection managers anywhere in a message's JSON. */
function managersIn(json: Json): ManagerJson[] {
  if (typeof json !== 'object' || json === null) return [];
  const own = 'httpFilters' in json ? [json as unknown as ManagerJson] : [];
  return [...own, ...Object.values(json).flatMap(managersIn)];
}

const wholeKinds = ['cds', 'lds', 'nds'] as const;
/** Every resource that the proxy gets, as JSON by `kind name`. */
function everything({ engine, subject }: ReturnType<typeof newWorld>): Record<string, Json> {
  const whole = wholeKinds.flatMap((kind) => readAll(engine, kind, subject).map((found) => [kind, found] as const));
  const clusters = whole.filter(([kind]) => kind === 'cds').map(([, { name }]) => ['eds', name] as const);
  const named = [...clusters, ['rds', '80'] as const, ['sds', kubernetesSecret] as const].flatMap(([kind, name]) => {
    const found = readOne(engine, resourceKey({ kind, name }), subject);
    return found ? [[kind, found] as const] : [];
  });
  return Object.fromEntries(
    [...whole, ...named].map(([kind, { name, bytes }]) => [`${kind} ${name}`, toJson(typeUrls[kind], bytes)]),
  );
}
const kindOfEntry = (entry: string): string => entry.slice(0, entry.indexOf(' '));

describe('finish', () => {
  it('applies a patch to every resource of its kind, and to nothing else', () => {
    const changes: { [K in Exclude<XdsKind, 'ecds'>]: (message: Messages[K]) => Messages[K] } = {
      cds: withStatName('patched'),
      eds: (message) => ({ ...message, policy: { overprovisioningFactor: { value: 7 } } }),
      lds: (message) => ({ ...message, statPrefix: 'patched' }),
      rds: (message) => ({ ...message, internalOnlyHeaders: ['patched'] }),
      sds: (message) => ({ ...message, name: 'patched' }),
      nds: (message) => ({ table: { ...message.table, patched: { ips: ['10.0.0.1'] } } }),
    };
    const before = everything(newWorld());
    expect(new Set(Object.keys(before).map(kindOfEntry))).toEqual(new Set(Object.keys(changes)));
    for (const kind of Object.keys(changes) as (keyof typeof changes)[]) {
      const world = newWorld();
      world.engine.apply([patch('p', { kind, apply: changes[kind] as (message: Messages[typeof kind]) => never })]);
      const now = everything(world);
      const differing = Object.keys(now).filter(
        (entry) => JSON.stringify(now[entry]) !== JSON.stringify(before[entry]),
      );
      expect(differing).toEqual(Object.keys(before).filter((entry) => kindOfEntry(entry) === kind));
    }
  });

  it('makes only those resources again that a patch concerns', () => {
    const { engine, subject } = newWorld();
    const watchAll = (kind: WholeKind) => listsOf(kind).map((source) => new ListWatch(engine, source, subject));
    watchAll('cds');
    const listeners = watchAll('lds').flatMap(({ members }) => members);
    const before = readAll(engine, 'cds', subject);
    engine.resetStats();
    const changed = engine.apply([patch('p', { kind: 'cds', name: hosts[1] ?? '', apply: withStatName('patched') })]);
    expect([...changed].map(({ query }) => query.name)).toEqual(['outbound-cluster']);
    expect(engine.stats.runs.get('outbound-cluster')).toBe(1);
    expect(engine.stats.runs.has('fixed-cluster')).toBe(false);
    expect(engine.stats.runs.has('outbound-listener')).toBe(false);
    const now = readAll(engine, 'cds', subject);
    expect(now.filter((cluster, i) => cluster !== before[i]).map(({ name }) => name)).toEqual([
      `outbound|80||${hosts[1]}`,
    ]);
    engine.resetStats();
    expect([...engine.apply([noPatch('p')])]).toEqual([...changed]);
    expect(engine.stats.runs.get('outbound-cluster')).toBe(1);
    expect(readAll(engine, 'cds', subject)).toEqual(before);
    expect(listeners.filter(({ watch }) => watch.entry.state !== 'clean')).toEqual([]);
    expect(checkAgainstScratch(engine)).toEqual([]);
  });

  it('applies patches by priority, then by key', () => {
    const { engine, subject } = newWorld();
    engine.apply([
      patch('b', { kind: 'cds', apply: withStatName('3') }),
      patch('a', { kind: 'cds', apply: withStatName('2') }),
      patch('c', { kind: 'cds', priority: -1, apply: withStatName('1') }),
    ]);
    const [cluster] = readAll(engine, 'cds', subject);
    expect(toJson(typeUrls.cds, cluster?.bytes ?? new Uint8Array())).toMatchObject({ altStatName: '123' });
  });

  it('asks a patch about each proxy', () => {
    const { engine, subject } = newWorld();
    const server = new Subject({ ...subject.attributes, labels: { app: 'server' } });
    engine.apply([patch('p', { kind: 'cds', label: 'server', apply: withStatName('patched') })]);
    expect(JSON.stringify(everything({ engine, subject }))).not.toContain('patched');
    expect(JSON.stringify(everything({ engine, subject: server }))).toContain('patched');
  });

  it('lets a patch reach what is nested: filters, and the routes of an inbound listener', () => {
    const world = newWorld();
    world.engine.apply([
      patch('p', { kind: 'lds', name: 'virtualInbound', apply: (listener) => withManagers(listener, renamed) }),
    ]);
    const managers = managersIn(everything(world)['lds virtualInbound'] ?? null);
    expect(managers.length).toBeGreaterThan(1);
    for (const { httpFilters, routeConfig } of managers) {
      expect(httpFilters[0]?.name).toBe('added');
      expect(routeConfig.virtualHosts.map(({ name }) => name)).toEqual(['renamed']);
    }
  });

  it('does not let a patch change a message, or one nested in it, in place', () => {
    for (const spoil of [
      (listener: Listener): unknown => listener.filterChains?.pop(),
      (listener: Listener): unknown => withManagers(listener, (manager) => (manager.httpFilters?.pop(), manager)),
    ]) {
      const { engine, subject } = newWorld();
      engine.apply([patch('p', { kind: 'lds', name: '_80', apply: (listener) => (spoil(listener), listener) })]);
      const lists = listsOf('lds').map((source) => new ListWatch(engine, source, subject));
      const failures = lists.flatMap(({ members }) =>
        members.flatMap(({ watch: { outcome } }) => ('error' in outcome ? String(outcome.error) : [])),
      );
      expect(failures).toEqual([expect.stringMatching(/Cannot delete property/)]);
    }
  });
});
