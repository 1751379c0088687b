import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { createInProcessBus } from '@flotilla/bus-in-process';
import { createResumableSubscriber } from '@flotilla/bus-port';
import { createFileSource } from '@flotilla/galley-file-source';
import { createGalley } from '@flotilla/galley-service';
import { noObservability } from '@flotilla/observability-port';
import { createPilot } from '@flotilla/pilot-service';
import { parseProxy } from '@flotilla/pilot-world';
import { readOne, resourceKey, typeUrls } from '@flotilla/pilot-xds';
import { Subject } from '@flotilla/query';
import { toJson } from '@flotilla/proto-gen/json';

const shop = `apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {clusterIP: 10.8.0.1, ports: [{name: http, port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-x, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints: [{addresses: [10.1.0.1], conditions: {ready: true}}]
`;

const dir = mkdtempSync(join(tmpdir(), 'flotilla-cluster-id-'));
const stop = new AbortController();
afterEach(() => {
  stop.abort();
  rmSync(dir, { recursive: true });
});

it('files belong to the cluster that galley is told, and so do proxies that name none', async () => {
  writeFileSync(join(dir, 'shop.yaml'), shop);
  const cluster = 'east';
  const [bus, { signal }] = [createInProcessBus(), stop];
  const observability = noObservability;
  const sources = [createFileSource([dir], { cluster })];
  const galley = createGalley({ sources, cluster, publisher: bus, observability, signal });
  const pilot = createPilot({
    subscriber: createResumableSubscriber(bus),
    installation: { clusterId: cluster },
    observability,
    signal,
  });
  void galley.run();
  void pilot.run();
  await pilot.ready;
  const { engine } = pilot;
  expect(engine.store.keys('services')).toMatchObject([{ cluster: 'east', namespace: 'shop', name: 'web' }]);
  const proxy = parseProxy({ id: 'sidecar~10.0.0.1~a.shop~shop.svc.cluster.local' });
  if (!proxy.ok) throw new Error(proxy.error);
  const name = 'outbound|80||web.shop.svc.cluster.local';
  const endpoints = readOne(engine, resourceKey({ kind: 'eds', name }), new Subject({ ...proxy.value }));
  expect(JSON.stringify(toJson(typeUrls.eds, endpoints?.bytes ?? new Uint8Array()))).toContain('10.1.0.1');
});
