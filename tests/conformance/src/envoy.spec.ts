import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createInProcessBus } from '@flotilla/bus-in-process';
import { listen, type Listening } from '@flotilla/grpc';
import { FilePipeline } from '@flotilla/galley-pipeline';
import { parseMeshConfig } from '@flotilla/model';
import { noObservability } from '@flotilla/observability-port';
import { createPilot } from '@flotilla/pilot-service';

const binary = process.env['ENVOY_BIN'] ?? '';

const api = (kind: string, spec: unknown, group = 'networking'): unknown => ({
  apiVersion: `${group}.istio.io/v1beta1`,
  kind,
  metadata: { name: 'api', namespace: 'shop' },
  spec,
});
const entry = api('ServiceEntry', {
  hosts: ['api.test'],
  addresses: ['240.0.0.1'],
  ports: [
    { number: 80, name: 'http', protocol: 'HTTP' },
    { number: 9000, name: 'tcp', protocol: 'TCP' },
  ],
  resolution: 'STATIC',
  location: 'MESH_INTERNAL',
  endpoints: [
    { address: '10.0.0.1', labels: { v: '1' } },
    { address: '10.0.0.2', labels: { v: '2' } },
  ],
});
const rule = (maxConnections: number): unknown =>
  api('DestinationRule', {
    host: 'api.test',
    trafficPolicy: { connectionPool: { tcp: { maxConnections } } },
    subsets: [
      { name: 'v1', labels: { v: '1' } },
      { name: 'v2', labels: { v: '2' } },
    ],
  });
const routes = (weight: number): unknown =>
  api('VirtualService', {
    hosts: ['api.test'],
    http: [
      {
        match: [{ uri: { prefix: '/slow' } }],
        fault: { delay: { fixedDelay: '1s', percentage: { value: 10 } } },
        route: [{ destination: { host: 'api.test', subset: 'v1' } }],
        timeout: '5s',
        retries: { attempts: 3 },
      },
      {
        route: [
          { destination: { host: 'api.test', subset: 'v1' }, weight },
          { destination: { host: 'api.test', subset: 'v2' }, weight: 100 - weight },
        ],
      },
    ],
  });
/** Without an agent beside Envoy there are no certificates, and what needs them would wait for ever. */
const plain = api('PeerAuthentication', { mtls: { mode: 'DISABLE' } }, 'security');

const bootstrap = (port: number, apiType: string): unknown => ({
  node: {
    id: 'sidecar~10.0.0.9~web.shop~shop.svc.cluster.local',
    cluster: 'web.shop',
    metadata: { NAMESPACE: 'shop' },
  },
  admin: { address: { socket_address: { address: '127.0.0.1', port_value: 0 } } },
  dynamic_resources: {
    ads_config: {
      api_type: apiType,
      transport_api_version: 'V3',
      grpc_services: [{ envoy_grpc: { cluster_name: 'xds-grpc' } }],
    },
    cds_config: { ads: {}, resource_api_version: 'V3' },
    lds_config: { ads: {}, resource_api_version: 'V3' },
  },
  static_resources: {
    clusters: [
      {
        name: 'xds-grpc',
        type: 'STATIC',
        http2_protocol_options: {},
        load_assignment: {
          cluster_name: 'xds-grpc',
          endpoints: [
            {
              lb_endpoints: [{ endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: port } } } }],
            },
          ],
        },
      },
    ],
  },
});

describe.skipIf(!existsSync(binary)).each([
  ['state of the world', 'GRPC'],
  ['delta', 'DELTA_GRPC'],
])('a stock Envoy, %s', (_variant, apiType) => {
  const dir = mkdtempSync(join(tmpdir(), 'flotilla-envoy-'));
  const stop = new AbortController();
  const bus = createInProcessBus();
  const pilot = createPilot({ subscriber: bus, observability: noObservability, signal: stop.signal });
  const pipeline = new FilePipeline('test');
  let envoy: ChildProcess;
  let listening: Listening;
  let admin = '';

  const write = async (...values: unknown[]): Promise<void> =>
    bus.publish(
      pipeline.apply([{ path: 'mesh.yaml', documents: values.map((value, i) => ({ index: i + 1, value })) }]),
    );
  const ask = async (path: string): Promise<string> => (await fetch(`http://${admin}${path}`)).text();
  const stats = async (): Promise<Map<string, number>> =>
    new Map(
      (await ask('/stats'))
        .split('\n')
        .map((line) => [line.slice(0, line.lastIndexOf(':')), Number(line.slice(line.lastIndexOf(':') + 1))] as const),
    );
  /** Asks Envoy again until it has come so far; fails with what it last said. */
  async function until<T>(read: () => Promise<T>, reached: (value: T) => boolean): Promise<T> {
    const deadline = Date.now() + 20_000;
    for (;;) {
      const value = await read();
      if (reached(value)) return value;
      if (Date.now() > deadline) throw new Error(`Envoy did not come so far: ${JSON.stringify(value)?.slice(0, 500)}`);
      await pause(50);
    }
  }
  const rejected = (of: ReadonlyMap<string, number>): string[] =>
    [...of].filter(([name, count]) => name.endsWith('update_rejected') && count > 0).map(([name]) => name);

  beforeAll(async () => {
    void pilot.run();
    const mesh = parseMeshConfig({ enableAutoMtls: false });
    if (!mesh.ok) throw new Error('mesh configuration');
    await bus.publish({ session: 'test', seq: 0, put: [{ resource: mesh.value }], delete: [], complete: [] });
    await write(entry, rule(10), routes(90), plain);
    await bus.publish(pipeline.complete());
    await pilot.ready;
    listening = await listen([pilot.discovery('any')], { at: { host: '127.0.0.1', port: 0 } });
    writeFileSync(join(dir, 'bootstrap.json'), JSON.stringify(bootstrap(listening.port, apiType)));
    envoy = spawn(
      binary,
      [
        '-c',
        join(dir, 'bootstrap.json'),
        '--disable-hot-restart',
        '--use-dynamic-base-id',
        '-l',
        'error',
        '--admin-address-path',
        join(dir, 'admin'),
      ],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    );
    admin = await until(
      () => Promise.resolve(existsSync(join(dir, 'admin')) ? readFileSync(join(dir, 'admin'), 'utf8') : ''),
      (text) => text !== '',
    );
  }, 30_000);

  afterAll(async () => {
    envoy.kill('SIGKILL');
    stop.abort();
    await bus.close();
    await listening.close();
    rmSync(dir, { recursive: true, force: true });
  });

  it('accepts everything it is sent', async () => {
    const reached = await until(
      stats,
      (of) =>
        (of.get('http.outbound_0.0.0.0_80.rds.80.update_success') ?? 0) > 0 &&
        of.get('cluster_manager.warming_clusters') === 0,
    );
    expect(rejected(reached)).toEqual([]);
    expect(await ask('/listeners')).toContain('virtualInbound');
  });

  it('takes a change of weights, and of nothing else', async () => {
    const before = await stats();
    await write(entry, rule(10), routes(40), plain);
    await until(
      () => ask('/config_dump?resource=dynamic_route_configs'),
      (dump) => /"weight": 40\b/.test(dump) && /"weight": 60\b/.test(dump),
    );
    const after = await stats();
    for (const name of ['cluster_manager.cds.update_success', 'listener_manager.lds.update_success'])
      expect(after.get(name)).toBe(before.get(name));
    expect(rejected(after)).toEqual([]);
  });

  it('has no cluster left warming after a change of a connection pool alone', async () => {
    await write(entry, rule(11), routes(40), plain);
    await until(
      () => ask('/config_dump?resource=dynamic_active_clusters'),
      (dump) => (dump.match(/"max_connections": 11\b/g) ?? []).length >= 3,
    );
    const after = await until(stats, (of) => of.get('cluster_manager.warming_clusters') === 0);
    expect(rejected(after)).toEqual([]);
  });

  it('is rid of what is taken away, and has what comes back', async () => {
    await write(plain);
    await until(
      () => ask('/clusters'),
      (text) => !text.includes('api.test'),
    );
    await write(entry, rule(12), routes(70), plain);
    await until(
      () => ask('/config_dump?resource=dynamic_active_clusters'),
      (dump) => (dump.match(/"max_connections": 12\b/g) ?? []).length >= 3,
    );
    const after = await until(stats, (of) => of.get('cluster_manager.warming_clusters') === 0);
    expect([await ask('/clusters?filter=v1'), rejected(after)]).toEqual([expect.stringContaining('10.0.0.1'), []]);
  });

  it('takes up where it was when its stream is cut', async () => {
    await listening.close();
    await write(entry, rule(13), routes(70), plain);
    listening = await listen([pilot.discovery('any')], { at: { host: '127.0.0.1', port: listening.port } });
    await until(
      () => ask('/config_dump?resource=dynamic_active_clusters'),
      (dump) => (dump.match(/"max_connections": 13\b/g) ?? []).length >= 3,
    );
    const after = await until(stats, (of) => of.get('cluster_manager.warming_clusters') === 0);
    expect(rejected(after)).toEqual([]);
  });
});
