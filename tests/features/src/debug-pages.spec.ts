import { afterEach, describe, expect, it } from 'vitest';
import { typeUrls } from '@flotilla/pilot-xds';
import { openPilot, type Rig } from './secrets.fixture.ts';

const service = {
  apiVersion: 'networking.istio.io/v1beta1',
  kind: 'ServiceEntry',
  metadata: { name: 'web', namespace: 'shop' },
  spec: {
    hosts: ['web.test'],
    ports: [{ number: 80, name: 'http', protocol: 'HTTP' }],
    resolution: 'STATIC',
    endpoints: [{ address: '10.1.1.1' }],
  },
};
const cluster = 'outbound|80||web.test';
type Config = { readonly '@type': string } & Readonly<Record<string, unknown>>;
let rig: Rig;
afterEach(() => rig.close());

async function page(path: string, query = '') {
  const { status = 200, text } = (await rig.pages[path]?.answer({
    query: new URLSearchParams(query),
    wantsJson: true,
  })) ?? { text: '' };
  return { status, text };
}

describe.each(['sotw', 'delta'] as const)("pilot's debug interface, %s", (variant) => {
  it('shows what a proxy was sent and has not acknowledged yet', async () => {
    rig = await openPilot({ objects: [service] });
    const proxy = await rig.connect({
      variant,
      type: 'sidecar',
      name: 'sleep',
      metadata: { CLUSTER_ID: 'Kubernetes', ISTIO_VERSION: '1.19.0' },
    });
    proxy.ask(typeUrls.eds, [cluster]);
    await proxy.roundTrip();
    const [status] = JSON.parse((await page('/debug/syncz')).text) as Record<string, string>[];
    expect(status).toMatchObject({
      cluster_id: 'Kubernetes',
      proxy: 'sleep.shop',
      proxy_type: 'sidecar',
      istio_version: '1.19.0',
    });
    expect([status?.['cluster_sent'], status?.['endpoint_sent']]).toEqual([expect.any(String), expect.any(String)]);
    expect(Object.keys(status ?? {}).filter((name) => name.endsWith('_acked'))).toEqual([]);
    expect(Object.keys(status ?? {})).not.toContain('route_sent');
    proxy.close();
  });

  it('dumps what a proxy should have as its own admin interface would', async () => {
    rig = await openPilot({ objects: [service] });
    const proxy = await rig.connect({ variant, type: 'sidecar', name: 'sleep' });
    proxy.ask(typeUrls.eds, [cluster]);
    proxy.ask(typeUrls.rds, ['80']);
    await proxy.roundTrip();
    const dump = async (query: string) =>
      (JSON.parse((await page('/debug/config_dump', query)).text) as { configs: Config[] }).configs;
    const configs = await dump('proxyID=sleep.shop&include_eds=true');
    expect(configs.map((config) => config['@type'].replace('type.googleapis.com/envoy.admin.v3.', ''))).toEqual([
      'BootstrapConfigDump',
      'ClustersConfigDump',
      'EndpointsConfigDump',
      'ListenersConfigDump',
      'ScopedRoutesConfigDump',
      'RoutesConfigDump',
      'SecretsConfigDump',
    ]);
    const [, clusters, endpoints, listeners, , routes] = configs;
    expect(clusters?.['dynamicActiveClusters']).toContainEqual({
      cluster: { '@type': typeUrls.cds, ...(proxy.resource(typeUrls.cds, cluster) as object) },
    });
    expect(endpoints?.['dynamicEndpointConfigs']).toMatchObject([
      { endpointConfig: { '@type': typeUrls.eds, clusterName: cluster } },
    ]);
    expect(routes?.['dynamicRouteConfigs']).toMatchObject([{ routeConfig: { '@type': typeUrls.rds, name: '80' } }]);
    expect(listeners?.['dynamicListeners']).toBeUndefined();
    expect((await dump('proxyID=sleep.shop')).map((config) => config['@type']).join()).not.toContain('Endpoints');
  });

  it('redacts the keys of secrets', async () => {
    rig = await openPilot({ readers: ['shop/gateway'] });
    const text = (part: string): Buffer => Buffer.from(`${part}-of-web`);
    rig.give({ put: new Map([['shop/web', { certificate: text('cert'), key: text('key'), roots: text('roots') }]]) });
    const gateway = await rig.connect({ variant, account: 'shop/gateway', name: 'gateway' });
    gateway.ask(typeUrls.sds, ['kubernetes://web']);
    await gateway.nextWith('key-of-web');
    const dump = (await page('/debug/config_dump', 'proxyID=gateway.shop')).text;
    expect(dump).toContain(text('cert').toString('base64'));
    expect(dump).toContain(Buffer.from('[redacted]').toString('base64'));
    expect(dump).not.toContain(text('key').toString('base64'));
  });

  it('explains what to do when no connected proxy is named', async () => {
    rig = await openPilot({});
    expect((await page('/debug/config_dump')).status).toBe(400);
    expect(await page('/debug/config_dump', 'proxyID=sleep.shop')).toMatchObject({
      status: 404,
      text: expect.stringContaining('/debug/syncz') as string,
    });
  });
});
