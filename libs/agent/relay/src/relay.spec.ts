import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { Client, credentials, Server, ServerCredentials } from '@grpc/grpc-js';
import type { handleBidiStreamingCall, ServerDuplexStream } from '@grpc/grpc-js';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { noObservability } from '@flotilla/observability-port';
import { envoy, istio } from '@flotilla/proto-gen/discovery';
import { AsyncQueue, systemClock } from '@flotilla/std';
import { createRelay, createUpstream, discoveryMethods, nameTableType, textField } from './index.ts';
import type { NameTable, Variant } from './index.ts';

const { DiscoveryRequest, DiscoveryResponse, DeltaDiscoveryRequest, DeltaDiscoveryResponse } =
  envoy.service.discovery.v3;
const clusters = 'type.googleapis.com/envoy.config.cluster.v3.Cluster';
const { log, metrics } = noObservability;
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

interface PilotStream {
  readonly requests: AsyncQueue<Buffer>;
  readonly call: ServerDuplexStream<Buffer, Buffer>;
}
/** Stands for pilot: real gRPC, every stream handed to the test. */
async function startPilot(port = 0) {
  const server = new Server();
  const streams = new AsyncQueue<PilotStream>();
  const serve = (call: ServerDuplexStream<Buffer, Buffer>): void => {
    const requests = new AsyncQueue<Buffer>();
    call.on('data', (bytes: Buffer) => requests.push(bytes));
    call.on('error', () => requests.close());
    call.on('end', () => requests.close());
    streams.push({ requests, call });
  };
  server.addService(
    { StreamAggregatedResources: discoveryMethods.sotw, DeltaAggregatedResources: discoveryMethods.delta },
    { StreamAggregatedResources: serve, DeltaAggregatedResources: serve } as unknown as Record<
      string,
      handleBidiStreamingCall<unknown, unknown>
    >,
  );
  const bound = await new Promise<number>((resolve, reject) =>
    server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, number) =>
      error ? reject(error) : resolve(number),
    ),
  );
  closers.push(() => server.forceShutdown());
  return {
    port: bound,
    stream: async () => (await streams.next()).value as PilotStream,
    kill: () => server.forceShutdown(),
  };
}

async function startRelay(port: number, dns = true) {
  const tables = new AsyncQueue<NameTable>();
  const socket = `${mkdtempSync(`${tmpdir()}/relay-`)}/XDS`;
  const relay = await createRelay({
    socket,
    upstream: createUpstream({ address: `127.0.0.1:${port}`, roots: () => Promise.resolve(undefined) }),
    clock: systemClock,
    log,
    metrics,
    ...(dns ? { onNameTable: (table: NameTable) => tables.push(table) } : {}),
  });
  closers.push(() => relay.close());
  const client = new Client(`unix:${socket}`, credentials.createInsecure());
  closers.push(() => client.close());
  const open = (variant: Variant) => {
    const stream = client.makeBidiStreamRequest(
      discoveryMethods[variant].path,
      (bytes: Buffer) => bytes,
      (bytes: Buffer) => bytes,
    );
    const responses = new AsyncQueue<Buffer>();
    stream.on('data', (bytes: Buffer) => responses.push(bytes));
    stream.on('error', (error) => responses.fail(error));
    return { stream, responses };
  };
  return { relay, tables, open };
}
const request = (typeUrl: string): Buffer =>
  Buffer.from(DiscoveryRequest.encode({ typeUrl, node: { id: 'sidecar~1~a.b~c' } }).finish());
const response = (typeUrl: string, resources: { type_url: string; value: Uint8Array }[] = []): Buffer =>
  Buffer.from(DiscoveryResponse.encode({ typeUrl, versionInfo: 'v1', nonce: 'n1', resources }).finish());
const table = istio.networking.nds.v1.NameTable.encode({
  table: { 'web.shop.svc.cluster.local': { ips: ['10.1.1.1'] } },
}).finish();
const typeOf = async ({ requests }: PilotStream): Promise<string> =>
  DiscoveryRequest.decode((await requests.next()).value as Buffer).typeUrl;

describe('relay', () => {
  it('hands the bytes of both sides over unchanged', async () => {
    const pilot = await startPilot();
    const { relay, open } = await startRelay(pilot.port, false);
    const { stream, responses } = open('sotw');
    stream.write(request(clusters));
    const upstream = await pilot.stream();
    expect((await upstream.requests.next()).value).toEqual(request(clusters));
    upstream.call.write(response(clusters));
    expect((await responses.next()).value).toEqual(response(clusters));
    expect(relay.connected()).toBe(true);
  });

  it('requests names itself, acknowledges them and keeps them from Envoy', async () => {
    const pilot = await startPilot();
    const { tables, open } = await startRelay(pilot.port);
    const { stream, responses } = open('sotw');
    stream.write(request(clusters));
    const upstream = await pilot.stream();
    expect([await typeOf(upstream), await typeOf(upstream)]).toEqual([clusters, nameTableType]);
    upstream.call.write(response(nameTableType, [{ type_url: nameTableType, value: table }]));
    upstream.call.write(response(clusters));
    expect((await tables.next()).value).toMatchObject({
      table: { 'web.shop.svc.cluster.local': { ips: ['10.1.1.1'] } },
    });
    expect(DiscoveryRequest.decode((await upstream.requests.next()).value as Buffer)).toMatchObject({
      typeUrl: nameTableType,
      responseNonce: 'n1',
      versionInfo: 'v1',
    });
    expect(textField((await responses.next()).value as Buffer, 4)).toBe(clusters);
  });

  it('does so in delta', async () => {
    const pilot = await startPilot();
    const { tables, open } = await startRelay(pilot.port);
    const { stream } = open('delta');
    stream.write(Buffer.from(DeltaDiscoveryRequest.encode({ typeUrl: clusters }).finish()));
    const upstream = await pilot.stream();
    await upstream.requests.next();
    expect(DeltaDiscoveryRequest.decode((await upstream.requests.next()).value as Buffer)).toMatchObject({
      typeUrl: nameTableType,
      resourceNamesSubscribe: [],
    });
    upstream.call.write(
      Buffer.from(
        DeltaDiscoveryResponse.encode({
          typeUrl: nameTableType,
          nonce: 'd1',
          resources: [{ name: 'x', resource: { type_url: nameTableType, value: table } }],
        }).finish(),
      ),
    );
    expect((await tables.next()).value).toMatchObject({ table: { 'web.shop.svc.cluster.local': {} } });
  });

  it('waits for pilot with the requests of Envoy, and sends them once it is there', async () => {
    const gone = await startPilot();
    gone.kill();
    const { open } = await startRelay(gone.port);
    const { stream, responses } = open('sotw');
    stream.write(request(clusters));
    const pilot = await startPilot(gone.port);
    const upstream = await pilot.stream();
    expect([await typeOf(upstream), await typeOf(upstream)]).toEqual([clusters, nameTableType]);
    upstream.call.write(response(clusters));
    expect((await responses.next()).value).toEqual(response(clusters));
  });

  it('closes the stream of Envoy when pilot dies; the next stream reaches the new pilot', async () => {
    const pilot = await startPilot();
    const { relay, open } = await startRelay(pilot.port);
    const first = open('sotw');
    first.stream.write(request(clusters));
    (await pilot.stream()).call.write(response(clusters));
    await first.responses.next();
    pilot.kill();
    await expect(first.responses.next()).rejects.toMatchObject({ code: 14 });
    expect(relay.connected()).toBe(false);
    const second = open('sotw');
    second.stream.write(request(clusters));
    const next = await startPilot(pilot.port);
    (await next.stream()).call.write(response(clusters));
    expect((await second.responses.next()).value).toEqual(response(clusters));
  });
});

describe('textField', () => {
  it('finds the type of any response', () =>
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.array(fc.uint8Array()), (typeUrl, versionInfo, values) => {
        const bytes = DiscoveryResponse.encode({
          typeUrl,
          versionInfo,
          resources: values.map((value) => ({ type_url: 'x', value })),
        }).finish();
        expect(textField(bytes, 4)).toBe(DiscoveryResponse.decode(bytes).typeUrl);
      }),
    ));
  it('ends on any bytes', () =>
    fc.assert(fc.property(fc.uint8Array(), (bytes) => typeof textField(bytes, 4) === 'string')));
});
