import { Client, credentials, type ClientDuplexStream } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createInProcessBus } from '@flotilla/bus-in-process';
import { listen, type Listening } from '@flotilla/grpc';
import { FilePipeline } from '@flotilla/galley-pipeline';
import { objectKey, parseMeshConfig, type AnyResource } from '@flotilla/model';
import { noObservability } from '@flotilla/observability-port';
import { createPilot, defaultAdsLimits } from '@flotilla/pilot-service';
import { envoy } from '@flotilla/proto-gen/discovery';
import { AsyncQueue } from '@flotilla/std';

const { DiscoveryRequest, DiscoveryResponse } = envoy.service.discovery.v3;
type Response = InstanceType<typeof DiscoveryResponse>;
type Fields = Parameters<typeof DiscoveryRequest.encode>[0];
const type = (name: string): string => `type.googleapis.com/envoy.config.${name}`;
const types = {
  cds: type('cluster.v3.Cluster'),
  eds: type('endpoint.v3.ClusterLoadAssignment'),
  lds: type('listener.v3.Listener'),
  rds: type('route.v3.RouteConfiguration'),
};
const node = {
  id: 'sidecar~10.0.0.1~web.shop~shop.svc.cluster.local',
  metadata: { fields: { NAMESPACE: { stringValue: 'shop' } } },
};

const entry = (address: string): unknown => ({
  apiVersion: 'networking.istio.io/v1beta1',
  kind: 'ServiceEntry',
  metadata: { name: 'api', namespace: 'shop' },
  spec: {
    hosts: ['api.test'],
    addresses: ['10.9.9.9'],
    ports: [{ number: 80, name: 'http', protocol: 'HTTP' }],
    resolution: 'STATIC',
    location: 'MESH_INTERNAL',
    endpoints: [{ address }],
  },
});
const route = (timeout: string): unknown => ({
  apiVersion: 'networking.istio.io/v1beta1',
  kind: 'VirtualService',
  metadata: { name: 'api', namespace: 'shop' },
  spec: { hosts: ['api.test'], http: [{ timeout, route: [{ destination: { host: 'api.test' } }] }] },
});

/** A mesh in this process, and a client on a real stream: no sleeps, each step awaits its response. */
class Rig {
  readonly stop = new AbortController();
  readonly bus = createInProcessBus();
  readonly pilot = createPilot({
    subscriber: this.bus,
    limits: { ...defaultAdsLimits, xdsUnknownNames: 2 },
    observability: noObservability,
    signal: this.stop.signal,
  });
  readonly pipeline = new FilePipeline('test');
  readonly responses = new AsyncQueue<Response>();
  #client: Client | undefined;
  #listening: Listening | undefined;
  #stream: ClientDuplexStream<Fields, Response> | undefined;

  async start(...documents: unknown[]): Promise<void> {
    void this.pilot.run();
    const mesh = parseMeshConfig({});
    if (!mesh.ok) throw new Error('mesh');
    await this.write('a.yaml', documents, [mesh.value]);
    await this.bus.publish(this.pipeline.complete());
    await this.pilot.ready;
    this.#listening = await listen([this.pilot.discovery('any')], { at: { host: '127.0.0.1', port: 0 } });
    const { port } = this.#listening;
    this.#client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
    this.#stream = this.open();
    this.#stream
      .on('data', (response: Response) => this.responses.push(response))
      .on('error', (error) => this.responses.fail(error));
  }

  /** One more stream. */
  open(): ClientDuplexStream<Fields, Response> {
    if (!this.#client) throw new Error('not started');
    return this.#client.makeBidiStreamRequest(
      '/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources',
      (request: Fields) => Buffer.from(DiscoveryRequest.encode(request).finish()),
      (bytes: Buffer) => DiscoveryResponse.decode(bytes),
    );
  }

  async write(path: string, documents: unknown[], also: readonly AnyResource[] = []): Promise<void> {
    const batch = this.pipeline.apply([{ path, documents: documents.map((value, i) => ({ index: i + 1, value })) }]);
    await this.bus.publish({ ...batch, put: [...batch.put, ...also.map((resource) => ({ resource }))] });
  }

  send(request: Fields): void {
    this.#stream?.write(request);
  }

  async ask(typeUrl: string, resourceNames: string[] = []): Promise<Response> {
    this.send({ node, typeUrl, resourceNames });
    return this.next();
  }

  /** The next response. */
  async next(): Promise<Response> {
    const { value } = await this.responses.next();
    const response = value as Response;
    return response;
  }

  acknowledge({ typeUrl, nonce, versionInfo }: Response, resourceNames: string[] = []): void {
    this.send({ typeUrl, resourceNames, responseNonce: nonce, versionInfo });
  }

  async close(): Promise<void> {
    this.#stream?.cancel();
    this.#client?.close();
    this.stop.abort();
    await this.bus.close();
    await this.#listening?.close();
  }
}

describe('configuration over a real stream', () => {
  let rig: Rig;
  beforeEach(() => {
    rig = new Rig();
  });
  afterEach(() => rig.close());
  const cluster = 'outbound|80||api.test';
  const text = ({ resources }: Response): string =>
    resources.map(({ value }) => Buffer.from(value ?? []).toString('latin1')).join('\n');

  it('answers each type, and then sends only what changed', async () => {
    await rig.start(entry('10.1.1.1'), route('5s'));
    expect(text(await rig.ask(types.cds))).toContain(cluster);
    const eds = await rig.ask(types.eds, [cluster]);
    expect(text(eds)).toContain('10.1.1.1');
    rig.acknowledge(eds, [cluster]);
    const rds = await rig.ask(types.rds, ['80']);
    expect(text(rds)).toContain('api.test');
    rig.acknowledge(rds, ['80']);
    await rig.write('a.yaml', [entry('10.1.1.2'), route('5s')]);
    const changed = await rig.next();
    expect([changed.typeUrl, text(changed).includes('10.1.1.2')]).toEqual([types.eds, true]);
    rig.acknowledge(changed, [cluster]);
    await rig.write('a.yaml', [entry('10.1.1.2'), route('6s')]);
    expect((await rig.next()).typeUrl).toBe(types.rds);
  });

  it('keeps what is in force when a document breaks, and goes on with the next good one', async () => {
    await rig.start(entry('10.1.1.1'));
    const eds = await rig.ask(types.eds, [cluster]);
    rig.acknowledge(eds, [cluster]);
    await rig.write('a.yaml', [{ ...(entry('10.1.1.9') as object), spec: { hosts: 7 } }]);
    await rig.write('a.yaml', [entry('10.1.1.3')]);
    const next = await rig.next();
    expect([text(next).includes('10.1.1.3'), text(next).includes('10.1.1.9')]).toEqual([true, false]);
  });

  it('sends the endpoints of a changed cluster again, so that it does not stay warming', async () => {
    await rig.start(entry('10.1.1.1'));
    rig.acknowledge(await rig.ask(types.cds));
    rig.acknowledge(await rig.ask(types.eds, [cluster]), [cluster]);
    await rig.write('b.yaml', [
      {
        apiVersion: 'networking.istio.io/v1beta1',
        kind: 'DestinationRule',
        metadata: { name: 'api', namespace: 'shop' },
        spec: { host: 'api.test', trafficPolicy: { connectionPool: { tcp: { maxConnections: 7 } } } },
      },
    ]);
    expect([(await rig.next()).typeUrl, (await rig.next()).typeUrl]).toEqual([types.cds, types.eds]);
  });

  it('knows a proxy by the labels of its pod, as they are now', async () => {
    const pod = (version: string): unknown => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'web', namespace: 'shop', labels: { version } },
      spec: { containers: [] },
      status: { podIP: '10.0.0.1', phase: 'Running' },
    });
    const byVersion = {
      ...(route('5s') as object),
      spec: {
        hosts: ['api.test'],
        http: [
          {
            match: [{ sourceLabels: { version: 'v2' } }],
            name: 'for-v2',
            route: [{ destination: { host: 'api.test' } }],
          },
          { name: 'for-others', route: [{ destination: { host: 'api.test' } }] },
        ],
      },
    };
    await rig.start(entry('10.1.1.1'), byVersion);
    await rig.write('pod.yaml', [pod('v1')]);
    const rds = await rig.ask(types.rds, ['80']);
    rig.acknowledge(rds, ['80']);
    await rig.write('pod.yaml', [pod('v2')]);
    const relabelled = await rig.next();
    rig.acknowledge(relabelled, ['80']);
    await rig.write('pod.yaml', [pod('v3')]);
    const again = await rig.next();
    rig.acknowledge(again, ['80']);
    expect([rds, relabelled, again].map((response) => text(response).includes('for-v2'))).toEqual([false, true, false]);
    await rig.write('a.yaml', [entry('10.1.1.1'), route('6s')]);
    expect(text(await rig.next())).not.toContain('for-others');
  });

  it('merges the pushes to a client that reads slowly', async () => {
    const large = (mark: number): unknown => ({
      ...(route('5s') as object),
      spec: {
        hosts: ['api.test'],
        http: [
          {
            headers: { request: { set: { mark: `${mark}-${'x'.repeat(200_000)}` } } },
            route: [{ destination: { host: 'api.test' } }],
          },
        ],
      },
    });
    await rig.start(entry('10.1.1.1'), large(0));
    const slow = rig.open();
    const held = new AsyncQueue<Response>();
    slow.on('error', () => {}).pause();
    slow.write({ node, typeUrl: types.rds, resourceNames: ['80'] });
    rig.acknowledge(await rig.ask(types.rds, ['80']), ['80']);
    // The other one shows when each change has been pushed.
    for (let i = 1; i <= 20; i += 1) {
      await rig.write('a.yaml', [entry('10.1.1.1'), large(i)]);
      rig.acknowledge(await rig.next(), ['80']);
    }
    slow.on('data', (response: Response) => held.push(response)).resume();
    let got = 0;
    for await (const response of held) {
      got += 1;
      slow.write({ typeUrl: types.rds, resourceNames: ['80'], responseNonce: response.nonce });
      if (text(response).includes('20-x')) break;
    }
    slow.cancel();
    // Unmerged there are 21. HTTP/2 takes one or two ahead, at times of its own, and behind each there is one more.
    expect(got).toBeLessThan(10);
  });

  it('takes nothing from anybody when a resource turns up that nothing can be made of, and serves the others', async () => {
    const other = {
      ...(entry('10.1.1.7') as object),
      metadata: { name: 'other', namespace: 'shop' },
      spec: { ...(entry('10.1.1.7') as { spec: object }).spec, hosts: ['other.test'] },
    };
    const cds = async (): Promise<string> => {
      const response = await rig.next();
      rig.acknowledge(response);
      return response.typeUrl === types.cds ? text(response) : cds();
    };
    await rig.start(entry('10.1.1.1'), route('5s'));
    rig.send({ node, typeUrl: types.cds });
    expect(await cds()).toContain(cluster);
    const rds = await rig.ask(types.rds, ['80']);
    rig.acknowledge(rds, ['80']);
    // Galley lets none of these through: only a bug of its own puts them on the bus.
    const broken = (kind: string, spec: unknown): AnyResource =>
      ({
        collection: `${kind}s`,
        apiVersion: 'networking.istio.io/v1beta1',
        kind,
        meta: { name: 'api', namespace: 'shop', cluster: 'Kubernetes' },
        spec,
      }) as unknown as AnyResource;
    const rule = {
      ...broken('', { host: 'api.test', subsets: [null] }),
      collection: 'destination-rules',
    } as AnyResource;
    const virtualService = {
      ...broken('', { hosts: ['api.test'], http: [null] }),
      collection: 'virtual-services',
    } as AnyResource;
    await rig.write('b.yaml', [other], [rule, virtualService]);
    const both = await cds();
    expect([both.includes(cluster), both.includes('outbound|80||other.test')]).toEqual([true, true]);
    // Whoever comes new gets what the others of its kind have.
    const late = rig.open();
    const answers = new AsyncQueue<Response>();
    late.on('data', (response: Response) => answers.push(response)).on('error', () => {});
    late.write({ node, typeUrl: types.cds });
    const fresh = text((await answers.next()).value as Response);
    late.cancel();
    expect([fresh.includes(cluster), fresh.includes('outbound|80||other.test')]).toEqual([true, true]);
    // Its remedy puts all of it in force again.
    await rig.bus.publish({
      session: 'test',
      seq: 99,
      put: [],
      delete: [
        { collection: 'destination-rules', key: objectKey({ namespace: 'shop', name: 'api', cluster: 'Kubernetes' }) },
        { collection: 'virtual-services', key: objectKey({ namespace: 'shop', name: 'api', cluster: 'Kubernetes' }) },
      ],
      complete: [],
    });
    const mended = await rig.next();
    expect([mended.typeUrl, text(mended).includes('other.test')]).toEqual([types.rds, true]);
  });

  it('watches only some of the names that there is nothing by, and those that come with their cluster', async () => {
    await rig.start();
    rig.acknowledge(await rig.ask(types.cds));
    const names = ['outbound|80||a.test', 'outbound|80||b.test', 'outbound|80||c.test', cluster];
    rig.acknowledge(await rig.ask(types.eds, names), names);
    const watched = (): string[] =>
      [...rig.pilot.engine.watches()]
        .filter(({ query }) => query.name === 'load-assignment')
        .map(({ key }) => String(key))
        .sort();
    expect(watched()).toEqual(['outbound|80||a.test', 'outbound|80||b.test']);
    await rig.write('a.yaml', [entry('10.1.1.1')]);
    rig.acknowledge(await rig.next());
    const brought = await rig.next();
    rig.acknowledge(brought, names);
    expect([brought.typeUrl, text(brought).includes('10.1.1.1'), watched().length]).toEqual([types.eds, true, 3]);
    await rig.write('a.yaml', [entry('10.1.1.2')]);
    expect(text(await rig.next())).toContain('10.1.1.2');
  });

  it('ends the stream of a node that is none, saying why', async () => {
    await rig.start();
    rig.send({ node: { id: 'nonsense' }, typeUrl: types.cds });
    await expect(rig.next()).rejects.toThrow('node id "nonsense" is not of the form type~ip~name.namespace~domain');
  });
});
