import { EventEmitter } from 'node:events';
import { Metadata } from '@grpc/grpc-js';
import { createInProcessBus } from '@flotilla/bus-in-process';
import { FilePipeline } from '@flotilla/galley-pipeline';
import { collections, parseMeshConfig } from '@flotilla/model';
import { noObservability } from '@flotilla/observability-port';
import { createPilot } from '@flotilla/pilot-service';
import { envoy } from '@flotilla/proto-gen/discovery';
import { struct } from '@flotilla/proto-gen/envoy';
import { types } from '../../clients/ads.ts';
import type { Random } from '../../random.ts';
import type { FuzzTarget } from '../target.ts';

const { DeltaDiscoveryRequest, DiscoveryRequest } = envoy.service.discovery.v3;
/** One method of a gRPC service, as grpc-js is given it. */
interface Method {
  readonly requestDeserialize: (bytes: Buffer) => unknown;
  readonly serve: (call: EventEmitter) => void;
}

const entry = (name: string): unknown => ({
  apiVersion: 'networking.istio.io/v1beta1',
  kind: 'ServiceEntry',
  metadata: { name, namespace: 'shop' },
  spec: {
    hosts: [`${name}.test`],
    ports: [{ number: 80, name: 'http', protocol: 'HTTP' }],
    resolution: 'STATIC',
    endpoints: [{ address: '10.0.0.1' }],
  },
});

/** A pilot with a small mesh. */
async function startPilot(): Promise<ReturnType<typeof createPilot>> {
  const bus = createInProcessBus();
  const pilot = createPilot({ subscriber: bus, observability: noObservability, signal: new AbortController().signal });
  void pilot.run();
  const mesh = parseMeshConfig({});
  const batch = new FilePipeline('fuzz').apply([
    { path: 'mesh.yaml', documents: ['a', 'b', 'c'].map((name, i) => ({ index: i + 1, value: entry(name) })) },
  ]);
  await bus.publish({
    ...batch,
    put: [...batch.put, ...(mesh.ok ? [{ resource: mesh.value }] : [])],
    complete: collections,
  });
  await pilot.ready;
  return pilot;
}

/** The methods of ADS as pilot's server has them, without a server. */
async function methods(): Promise<readonly Method[]> {
  const found: Method[] = [];
  const service = (await startPilot()).discovery('any');
  const server = {
    addService(
      definition: Readonly<Record<string, Pick<Method, 'requestDeserialize'>>>,
      handlers: Readonly<Record<string, Method['serve']>>,
    ) {
      for (const [name, { requestDeserialize }] of Object.entries(definition)) {
        const serve = handlers[name];
        if (serve) found.push({ requestDeserialize, serve });
      }
    },
  };
  service.addTo(server as never);
  return found;
}
const [sotw, delta] = await methods();

/** The server's side of one stream, whose client reads all at once. */
class Call extends EventEmitter {
  isOver = false;
  readonly destroyed = false;
  readonly metadata = new Metadata();
  getPeer = (): string => 'fuzz';
  getAuthContext = (): object => ({});
  getPath = (): string => 'fuzz';
  write = (_response: Buffer, written?: () => void): boolean => {
    written?.();
    return true;
  };
  end = (): void => {
    this.isOver = true;
    this.emit('finished');
  };
  pause = (): void => {};
  resume = (): void => {};
  destroy = (): void => void (this.isOver = true);
  _read = (): void => {};
}

const names = [
  'outbound|80||a.test',
  'outbound|80||b.test',
  'a',
  '80',
  '*',
  '',
  '__proto__',
  'kubernetes://web',
  '0.0.0.0_80',
  'x'.repeat(300),
] as const;
const urls: readonly [string, ...string[]] = ['', 'type.googleapis.com/made.up', ...Object.values(types)];
const some = (random: Random): string[] => Array.from({ length: random.below(6) }, () => random.pick(names));

const nodes = [
  'sidecar~10.0.0.1~web.shop~shop.svc.cluster.local',
  'router~10.0.0.1~gateway.shop~shop.svc.cluster.local',
  '',
  'x~y',
  '~~~',
  'sidecar~::1~__proto__.shop~shop',
] as const;

const metadata = struct({ NAMESPACE: 'shop', LABELS: { app: 'web' } });

function request(random: Random, isDelta: boolean): Uint8Array {
  const common = {
    node: {
      id: random.below(4) === 0 ? random.pick(nodes) : nodes[0],
      metadata,
    },
    typeUrl: random.pick(urls),
    responseNonce: random.pick(['', '', 'n', 'x'.repeat(64)]),
    ...(random.below(5) === 0 ? { errorDetail: { code: 3, message: 'no' } } : {}),
  };
  return isDelta
    ? DeltaDiscoveryRequest.encode({
        ...common,
        resourceNamesSubscribe: some(random),
        resourceNamesUnsubscribe: some(random),
        initialResourceVersions: Object.fromEntries(some(random).map((name) => [name, 'v'])),
      }).finish()
    : DiscoveryRequest.encode({ ...common, resourceNames: some(random), versionInfo: 'v' }).finish();
}

/**
 * Proxies that stay and have asked for everything: what streams share is computed once, not for each input.
 */
for (const id of nodes.slice(0, 2)) {
  const call = new Call();
  call.on('error', (error: Error) => {
    throw error;
  });
  delta?.serve(call);
  const node = { id, metadata };
  for (const typeUrl of Object.values(types))
    call.emit('data', Buffer.from(DeltaDiscoveryRequest.encode({ node, typeUrl }).finish()));
}

/** A stream: its variant in one byte, then requests, each after its length in two bytes. */
export const requests: FuzzTarget = {
  name: 'requests',
  generate(random) {
    const isDelta = random.below(2) === 0;
    const parts = Array.from({ length: 1 + random.below(12) }, () => request(random, isDelta)).flatMap((message) => {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(message.length);
      return [length, message];
    });
    return Buffer.concat([Buffer.from([isDelta ? 1 : 0]), ...parts]);
  },
  words: ['\x0a\x01', '\x12\xff\xff\xff\xff\x0f', '\x1a\x00', '\x08\x80\x80\x80', '*'],
  async read(input) {
    const method = (input[0] ?? 0) % 2 === 1 ? delta : sotw;
    const call = new Call();
    const finished = new Promise((resolve) => call.once('finished', resolve));
    call.on('error', () => call.end());
    method?.serve(call);
    for (let at = 1; at + 2 <= input.length && !call.isOver;) {
      const length = input.readUInt16BE(at);
      const message = decoded(method, input.subarray(at + 2, at + 2 + length));
      at += 2 + length;
      if (message === undefined) break;
      call.emit('data', message);
    }
    // Requests are answered in turns with other streams: the server ends the call when that is done.
    call.emit('end');
    if (!call.isOver) await finished;
    call.emit('close');
  },
};

/** What grpc-js gives the handler; undefined for bytes that are not a request, for which it ends the call itself. */
function decoded(method: Method | undefined, message: Buffer): unknown {
  try {
    return method?.requestDeserialize(message);
  } catch {
    return undefined;
  }
}
