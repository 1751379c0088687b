import { mkdtempSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, credentials, type ClientDuplexStream } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { createGrpcBusClient, createGrpcBusServer } from '@flotilla/bus-grpc';
import { createInProcessBus } from '@flotilla/bus-in-process';
import type { Publisher, ReportReceiver, ReportSender, Subscriber } from '@flotilla/bus-port';
import { createFileSource } from '@flotilla/galley-file-source';
import { createGalley, type ObjectsPage } from '@flotilla/galley-service';
import { listen } from '@flotilla/grpc';
import { noObservability } from '@flotilla/observability-port';
import { createPilot } from '@flotilla/pilot-service';
import { envoy } from '@flotilla/proto-gen/discovery';
import { AsyncQueue } from '@flotilla/std';

const { DiscoveryRequest, DiscoveryResponse } = envoy.service.discovery.v3;
type Response = InstanceType<typeof DiscoveryResponse>;
type Fields = Parameters<typeof DiscoveryRequest.encode>[0];
const cds = 'type.googleapis.com/envoy.config.cluster.v3.Cluster';
const lds = 'type.googleapis.com/envoy.config.listener.v3.Listener';

const database = (name: string, address: string): string => `
apiVersion: networking.istio.io/v1beta1
kind: ServiceEntry
metadata: {name: ${name}, namespace: shop}
spec:
  hosts: [${name}.test]
  addresses: [${address}]
  ports: [{number: 5432, name: tcp, protocol: TCP}]
  resolution: STATIC
  endpoints: [{address: 10.1.1.1}, {address: 10.1.1.2}]
---`;
const route = (weight: number): string => `
apiVersion: networking.istio.io/v1beta1
kind: VirtualService
metadata: {name: orders, namespace: shop}
spec:
  hosts: [orders.test]
  tcp:
  - route:
    - {destination: {host: orders.test}, weight: ${weight}}
    - {destination: {host: customers.test}, weight: ${100 - weight}}
---`;
const mesh = (weight: number): string =>
  `${database('orders', '10.9.9.9')}${database('customers', '10.9.9.8')}${database('stock', '10.9.9.7')}${route(weight)}`;
const rejection = 'Error adding/updating listener(s) 10.9.9.9_5432: the filter is not known to \u001b[1mthis Envoy\n';

type Ends = Publisher & ReportReceiver;
/** How galley and pilot are connected in each shape. */
const shapes: Readonly<Record<string, () => Promise<[Ends, Subscriber & ReportSender, () => Promise<void>]>>> = {
  monolith: () => {
    const bus = createInProcessBus();
    return Promise.resolve([bus, bus, bus.close]);
  },
  fleet: async () => {
    const server = createGrpcBusServer();
    const listening = await listen([server], { at: { host: '127.0.0.1', port: 0 } });
    const client = createGrpcBusClient({
      address: `127.0.0.1:${listening.port}`,
      credentials: credentials.createInsecure,
    });
    const close = async (): Promise<void> => {
      await client.close();
      await server.close();
      await listening.close();
    };
    return [server, client, close];
  },
};

/** An Envoy, as far as pilot sees it. */
class Proxy {
  readonly #stream: ClientDuplexStream<Fields, Response>;
  readonly #responses = new AsyncQueue<Response>();

  constructor(client: Client, name: string) {
    this.#stream = client.makeBidiStreamRequest(
      '/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources',
      (request: Fields) => Buffer.from(DiscoveryRequest.encode(request).finish()),
      (bytes: Buffer) => DiscoveryResponse.decode(bytes),
    );
    this.#stream.on('data', (response: Response) => this.#responses.push(response)).on('error', () => {});
    const node = { id: `sidecar~10.0.0.1~${name}.shop~shop.svc.cluster.local` };
    for (const typeUrl of [cds, lds]) this.#stream.write({ node, typeUrl });
  }

  /** The next response of a type; others on the way are acknowledged. */
  async next(typeUrl: string): Promise<Response> {
    for (;;) {
      const response = (await this.#responses.next()).value as Response;
      if (response.typeUrl === typeUrl) return response;
      this.answer(response);
    }
  }

  answer({ typeUrl, nonce, versionInfo }: Response, error?: string): void {
    this.#stream.write({
      typeUrl,
      responseNonce: nonce,
      versionInfo,
      ...(error === undefined ? {} : { errorDetail: { message: error } }),
    });
  }

  close(): void {
    this.#stream.cancel();
  }
}

/** Galley, pilot and what connects them, of which galley reads a file. */
class Rig {
  readonly #dir = mkdtempSync(join(tmpdir(), 'flotilla-reports-'));
  readonly #stop = new AbortController();
  readonly #ends: (() => unknown)[] = [];
  #client: Client | undefined;
  #changed = Promise.withResolvers<null>();
  #galley: ReturnType<typeof createGalley> | undefined;

  async start(shape: string): Promise<void> {
    const open = shapes[shape];
    if (!open) throw new Error(shape);
    const [publisher, subscriber, close] = await open();
    this.write(mesh(50));
    const { signal } = this.#stop;
    const onChange = (): void => {
      this.#changed.resolve(null);
      this.#changed = Promise.withResolvers();
    };
    this.#galley = createGalley({
      sources: [createFileSource([this.#dir])],
      publisher,
      reports: {
        receiver: publisher,
        limits: { reportingPilots: 5, reportBytes: 1 << 20, reportMessages: 1000 },
        onChange,
      },
      observability: noObservability,
      signal,
    });
    const pilot = createPilot({
      subscriber,
      reports: { sender: subscriber, instance: 'pilot-1' },
      observability: noObservability,
      signal,
    });
    void this.#galley.run();
    void pilot.run();
    await pilot.ready;
    const listening = await listen([pilot.discovery('any')], { at: { host: '127.0.0.1', port: 0 } });
    this.#client = new Client(`127.0.0.1:${listening.port}`, credentials.createInsecure());
    this.#ends.push(() => this.#client?.close(), close, listening.close);
  }

  connect(name: string): Proxy {
    if (!this.#client) throw new Error('not started');
    const proxy = new Proxy(this.#client, name);
    this.#ends.unshift(() => proxy.close());
    return proxy;
  }

  write(text: string): void {
    writeFileSync(join(this.#dir, '.new'), text);
    renameSync(join(this.#dir, '.new'), join(this.#dir, 'mesh.yaml'));
  }

  get page(): ObjectsPage {
    return this.#galley?.reports() ?? { pilots: [], objects: [] };
  }

  pilotsOf(kind: string, name: string): ObjectsPage['objects'][number]['pilots'] {
    return this.page.objects.find((object) => object.kind === kind && object.name === name)?.pilots ?? [];
  }

  /** `acknowledged/rejected/concerned` of an object. */
  summary(kind: string, name: string): string {
    const [said] = this.pilotsOf(kind, name);
    return said ? `${said.acknowledged}/${said.rejected}/${said.concerned}` : 'nothing';
  }

  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await this.#changed.promise;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    for (const end of this.#ends) await end();
  }
}

let rig: Rig;
afterEach(() => rig.close());

describe.each(Object.keys(shapes))('reports in the %s', (shape) => {
  it('galley shows which object a proxy rejects, why, and when the change is in force everywhere', async () => {
    rig = new Rig();
    await rig.start(shape);
    const proxies = [rig.connect('good'), rig.connect('bad')] as const;
    const [good, bad] = proxies;
    for (const proxy of proxies) for (const type of [cds, lds]) proxy.answer(await proxy.next(type));
    await rig.until(() => rig.summary('VirtualService', 'orders') === '2/0/2');
    const [before] = rig.pilotsOf('VirtualService', 'orders');

    rig.write(mesh(60));
    good.answer(await good.next(lds));
    bad.answer(await bad.next(lds), rejection);
    await rig.until(() => rig.summary('VirtualService', 'orders') === '1/1/2');
    expect(rig.page.objects[0]).toMatchObject({
      cluster: 'Kubernetes',
      kind: 'VirtualService',
      namespace: 'shop',
      name: 'orders',
      origin: expect.stringMatching(/mesh\.yaml:\d+$/) as string,
      pilots: [{ pilot: 'pilot-1', errors: ['10.9.9.9_5432: the filter is not known to \\u001b[1mthis Envoy'] }],
    });
    const [rejected] = rig.pilotsOf('VirtualService', 'orders');
    expect(rejected?.generation).not.toBe(before?.generation);
    // What has not changed is in force still.
    expect(rig.summary('ServiceEntry', 'orders')).toBe('2/0/2');

    // Another change, which the same proxy takes; the one that it rejected stays rejected.
    const [stock] = rig.pilotsOf('ServiceEntry', 'stock');
    rig.write(mesh(60).replaceAll('10.9.9.7', '10.9.9.6'));
    good.answer(await good.next(lds));
    bad.answer(await bad.next(lds), rejection);
    await rig.until(() => rig.pilotsOf('ServiceEntry', 'stock')[0]?.generation !== stock?.generation);
    await rig.until(() => rig.summary('ServiceEntry', 'stock') === '2/0/2');
    expect(rig.summary('VirtualService', 'orders')).toBe('1/1/2');

    rig.write(mesh(70).replaceAll('10.9.9.7', '10.9.9.6'));
    for (const proxy of proxies) proxy.answer(await proxy.next(lds));
    await rig.until(() => rig.summary('VirtualService', 'orders') === '2/0/2');
    expect(rig.pilotsOf('VirtualService', 'orders')).toMatchObject([{ errors: [] }]);

    bad.close();
    await rig.until(() => rig.summary('VirtualService', 'orders') === '1/0/1');
    rig.write(database('orders', '10.9.9.9'));
    good.answer(await good.next(lds));
    await rig.until(() => rig.summary('VirtualService', 'orders') === 'nothing');
  });

  it('a change that a proxy has not answered is not in force; one that changes nothing for it is at once', async () => {
    rig = new Rig();
    await rig.start(shape);
    const proxy = rig.connect('slow');
    for (const type of [cds, lds]) proxy.answer(await proxy.next(type));
    await rig.until(() => rig.summary('VirtualService', 'orders') === '1/0/1');
    rig.write(mesh(60));
    const response = await proxy.next(lds);
    await rig.until(() => rig.summary('VirtualService', 'orders') === '0/0/1');
    expect(rig.summary('ServiceEntry', 'stock')).toBe('1/0/1');
    proxy.answer(response, 'this Envoy names no listener');
    await rig.until(() => rig.summary('VirtualService', 'orders') === '0/1/1');
    expect(rig.summary('ServiceEntry', 'stock')).toBe('1/0/1');
    const [before] = rig.pilotsOf('VirtualService', 'orders');
    rig.write(
      mesh(60).replace(
        'metadata: {name: orders, namespace: shop}\nspec:\n  hosts: [orders.test]\n  tcp',
        'metadata: {name: orders, namespace: shop, labels: {a: b}}\nspec:\n  hosts: [orders.test]\n  tcp',
      ),
    );
    await rig.until(() => rig.pilotsOf('VirtualService', 'orders')[0]?.generation !== before?.generation);
    expect(rig.summary('VirtualService', 'orders')).toBe('0/1/1');
  });
});
