import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseDocument } from 'yaml';
import { changeOf, copyShop, replaceFile, startLoad, Tally, untilServed, type Load } from '@flotilla/demo';
import { adminOf, canRun, openMesh, until, type Rig } from './rig.ts';

/** Everything of these tests happens under traffic from outside, none of which may be lost. */
describe.skipIf(!canRun)('the fleet under traffic', () => {
  let rig: Rig;
  let load: Load;
  const tally = new Tally('reviews');
  const signal = new AbortController().signal;
  const file = (name: string): string => join(rig.mesh.config[0] ?? '', name);
  const stats = async (pod: Parameters<typeof adminOf>[0], filter: string): Promise<Map<string, number>> =>
    new Map(
      (await adminOf(pod, `/stats?filter=${filter}`))
        .trim()
        .split('\n')
        .map((line) => [line.slice(0, line.lastIndexOf(':')), Number(line.slice(line.lastIndexOf(':') + 1))]),
    );

  beforeAll(async () => {
    rig = await openMesh([copyShop(mkdtempSync(join(tmpdir(), 'flotilla-shop-')))]);
    const shop = { ip: rig.mesh.gateway.ip, port: 8080, host: 'shop.example.com', path: '/' };
    await untilServed(shop);
    load = startLoad(shop, 40, (sample) => tally.add(sample));
    await tally.until('traffic', () => tally.requests > 40, { signal });
  }, 90_000);
  afterAll(async () => {
    await load?.stop();
    await rig?.close();
  }, 30_000);

  /** Gives all of reviews to one version and waits until that is where it goes. */
  async function moveTo(version: string): Promise<void> {
    const document = parseDocument(readFileSync(file('reviews-route.yaml'), 'utf8'));
    ['v1', 'v2', 'v3'].forEach((each, i) =>
      document.setIn(['spec', 'http', 0, 'route', i, 'weight'], each === version ? 100 : 0),
    );
    const at = Date.now();
    replaceFile(file('reviews-route.yaml'), document.toString());
    const moved = (): boolean => {
      const [last] = tally.samples.slice(-1);
      const recent = tally.samples.slice(-10).filter((sample) => sample.at >= at);
      return last !== undefined && recent.length === 10 && recent.every((sample) => sample.version === version);
    };
    await tally.until(`reviews ${version}`, moved, { signal, timeoutMs: 30_000 });
  }

  it('refuses nothing: every Envoy acknowledges all it was sent', async () => {
    await moveTo('v2');
    for (const pod of rig.mesh.proxies) {
      const rejected = [...(await stats(pod, 'update_rejected'))].filter(([, count]) => count > 0);
      expect([pod.object.metadata.name, rejected]).toEqual([pod.object.metadata.name, []]);
    }
    expect(await rig.mesh.metric('pilot_total_xds_rejects')).toBe(0);
  });

  it.each([
    ['pilot', 'v1'],
    ['galley', 'v2'],
    ['citadel', 'v3'],
    ['sidecar-injector', 'v1'],
    ['nats', 'v2'],
  ])(
    'loses no request when %s is killed, and changes flow when it is back',
    async (service, version) => {
      const pod = rig.mesh.cluster.pod('istio-system', service);
      const container = pod.container(service);
      const { restarts } = container;
      const errors = tally.errors;
      container.kill();
      await until(
        `${service} starts again`,
        () => Promise.resolve(container.restarts),
        (count) => count > restarts,
      );
      await moveTo(version);
      await rig.mesh.untilConnected(signal);
      expect([service, tally.errors - errors]).toEqual([service, 0]);
    },
    60_000,
  );

  it('leaves no cluster warming when nothing but a connectionPool changes', async () => {
    const document = parseDocument(`
apiVersion: networking.istio.io/v1beta1
kind: DestinationRule
metadata: { name: stock, namespace: shop }
spec: { host: stock, trafficPolicy: { connectionPool: { tcp: { maxConnections: 77 } } } }
`);
    for (const connections of [77, 78]) {
      document.setIn(['spec', 'trafficPolicy', 'connectionPool', 'tcp', 'maxConnections'], connections);
      const at = Date.now();
      replaceFile(file('stock-rule.yaml'), document.toString());
      await rig.mesh.traces.find('the rule', (spans) => changeOf(spans, 'stock-rule.yaml', at));
    }
    const catalog = rig.mesh.cluster.pod('shop', 'catalog-v1');
    expect(await adminOf(catalog, '/clusters')).toMatch(
      /outbound\|8080\|\|stock\.shop\.svc\.cluster\.local::default_priority::max_connections::78/,
    );
    for (const pod of rig.mesh.proxies) {
      const warming = await until(
        'warming',
        () => stats(pod, 'cluster_manager.warming_clusters'),
        (of) => of.get('cluster_manager.warming_clusters') === 0,
      );
      expect(warming.get('cluster_manager.warming_clusters')).toBe(0);
    }
  }, 30_000);

  it('goes on while a file is broken, says so once, and follows the next good one', async () => {
    const errors = tally.errors;
    const problems = async (): Promise<string> =>
      (await fetch(`http://${rig.mesh.cluster.pod('istio-system', 'galley').ip}:15014/debug/problems`)).text();
    const good = readFileSync(file('reviews-route.yaml'), 'utf8');
    replaceFile(file('reviews-route.yaml'), `${good}  - route: [\n`);
    replaceFile(
      file('nonsense.yaml'),
      'apiVersion: networking.istio.io/v1beta1\nkind: VirtualServcie\nmetadata: { name: x }\n',
    );
    const said = await until(
      'problems',
      problems,
      (text) => text.includes('reviews-route.yaml') && text.includes('VirtualServcie'),
    );
    expect(said.match(/VirtualServcie/g)?.length).toBe(1);
    replaceFile(file('reviews-route.yaml'), good);
    await moveTo('v3');
    expect(tally.errors - errors).toBe(0);
    expect(await problems()).not.toContain('reviews-route.yaml');
  }, 60_000);

  it('gives the pods of a new Deployment a proxy, an address and traffic', async () => {
    const stock = readFileSync(file('stock.yaml'), 'utf8');
    expect(existsSync(file('stock.yaml'))).toBe(true);
    replaceFile(
      file('stock-v2.yaml'),
      stock
        .slice(stock.lastIndexOf('apiVersion: apps/v1'))
        .replaceAll('stock-v1', 'stock-v2')
        .replaceAll('version: v1', 'version: v2')
        .replaceAll('value: v1', 'value: v2'),
    );
    await rig.mesh.cluster.until('stock v2', () =>
      [...rig.mesh.cluster.pods].some(([key, { isReady }]) => key.startsWith('shop/stock-v2-') && isReady),
    );
    await tally.until(
      'traffic for stock v2',
      () => tally.samples.slice(-20).some(({ body }) => body.includes('"name":"stock","version":"v2"')),
      { signal },
    );
  }, 60_000);

  it('has lost no request in all of this', () => {
    expect(tally.requests).toBeGreaterThan(200);
    expect([
      tally.errors,
      tally.samples
        .map((sample, i) => ({ i, ...sample }))
        .filter(({ status }) => status !== 200)
        .slice(0, 3),
    ]).toEqual([0, []]);
  });
});
