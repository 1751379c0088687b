import type { Writable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { envoy } from '@flotilla/proto-gen/discovery';
import { struct } from '@flotilla/proto-gen/envoy';
import { table, type Attack } from '../../attack.ts';
import { nodeOf, types } from '../../clients/ads.ts';
import { framed, methods, openSession, startCall } from '../../clients/calls.ts';
import type { Mesh } from '../../mesh/attacked-mesh.ts';

type Row = Omit<Attack, 'service' | 'kind'>;
const { DeltaDiscoveryRequest, DiscoveryRequest } = envoy.service.discovery.v3;
const names = (count: number, prefix = 'n'): string[] =>
  Array.from({ length: count }, (_, i) => `outbound|80||${prefix}-${i}.shop.svc.cluster.local`);
const node = (name = 'web', metadata: Readonly<Record<string, unknown>> = {}) => ({
  id: nodeOf('shop', { name }),
  metadata: struct({ NAMESPACE: 'shop', ...metadata }),
});

interface Streams {
  readonly count: number;
  readonly variant?: 'sotw' | 'delta';
  /** Requests of a stream, encoded. */
  readonly requests: (i: number) => readonly Uint8Array[];
  readonly lastMs?: number;
}
const written = (call: Writable, bytes: Buffer): Promise<unknown> =>
  Promise.race([new Promise((resolve) => call.write(bytes, resolve)), pause(2000)]);

/** Opens streams on a few connections, all of which stay open for a while. */
const keepsOpen = (
  name: string,
  describe: string,
  { count, variant = 'delta', requests, lastMs = 6000 }: Streams,
): Row => ({
  name,
  describe: `${describe}: refused or served, memory stays bounded, other clients are served`,
  deadlineMs: 60_000,
  run: async (mesh: Mesh) => {
    for (let begun = 0; begun < count; begun += 50) {
      const session = await openSession(mesh, 'secure-xds');
      for (let i = begun; i < Math.min(count, begun + 50) && !session.destroyed; i += 1) {
        const call = startCall(session, methods[variant]);
        // One after the other: messages that are on their way at the same time have a limit of their own.
        for (const message of requests(i)) await written(call, framed(message));
      }
      await pause(100);
    }
    await pause(lastMs);
  },
});
const once = <T>(make: () => T): (() => T) => {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
};
const manyNames = once(() => [
  DeltaDiscoveryRequest.encode({ node: node(), typeUrl: types.eds, resourceNamesSubscribe: names(90_000) }).finish(),
]);
const manyNamesAgain = once(() => [
  DiscoveryRequest.encode({ node: node(), typeUrl: types.eds, resourceNames: names(90_000) }).finish(),
]);
const manyVersions = once(() => [
  DeltaDiscoveryRequest.encode({
    node: node(),
    typeUrl: types.eds,
    initialResourceVersions: Object.fromEntries(names(90_000).map((name) => [name, 'v'.repeat(40)])),
  }).finish(),
]);

/** Each stream keeps within its limits; there are many. */
export const memory = table({ service: 'pilot', kind: 'memory' }, [
  keepsOpen('20 streams with 90,000 names each', 'as many names as a stream may have, on many streams', {
    count: 20,
    requests: manyNames,
  }),
  keepsOpen('20 streams with 90,000 names each, in SotW', 'as many names as a stream may have, on many streams', {
    count: 20,
    variant: 'sotw',
    requests: manyNamesAgain,
  }),
  keepsOpen('500 streams of 1,000 made-up names', 'names that are watched until they mean something, others in each', {
    count: 500,
    requests: (i) => [
      DeltaDiscoveryRequest.encode({
        node: node(),
        typeUrl: types.eds,
        resourceNamesSubscribe: names(1000, `made-up-${i}`),
      }).finish(),
    ],
  }),
  keepsOpen('20 streams that claim to hold 90,000 versions', 'versions that clients claim to hold, on many streams', {
    count: 20,
    requests: manyVersions,
  }),
  keepsOpen('2,000 nodes with 250 kB each', 'the largest metadata that is allowed, different in each stream', {
    count: 2000,
    requests: (i) => [
      DeltaDiscoveryRequest.encode({
        node: node('web', { [`key-${i}`]: 'x'.repeat(250_000) }),
        typeUrl: types.cds,
      }).finish(),
    ],
  }),
  keepsOpen('300 nodes with 5,000 labels each', 'as many labels as fit, different in each stream', {
    count: 300,
    requests: (i) =>
      [types.cds, types.lds].map((typeUrl) =>
        DeltaDiscoveryRequest.encode({
          node: node('web', {
            LABELS: Object.fromEntries(Array.from({ length: 5000 }, (_, j) => [`l-${i}-${j}`, String(j)])),
          }),
          typeUrl,
        }).finish(),
      ),
  }),
  keepsOpen('1,000 nodes that have nothing in common', 'proxies of which no two share a result', {
    count: 1000,
    requests: (i) =>
      [types.cds, types.lds, types.nds].map((typeUrl) =>
        DeltaDiscoveryRequest.encode({
          node: {
            id: `sidecar~10.1.${i >> 8}.${i & 255}~w${i}.shop~d${i}.svc.cluster.local`,
            locality: { region: `r${i}`, zone: `z${i}` },
            cluster: `c${i}`,
            metadata: struct({
              NAMESPACE: 'shop',
              CLUSTER_ID: `c${i}`,
              NETWORK: `n${i}`,
              LABELS: { app: `a${i}` },
              ISTIO_VERSION: `1.${i}.0`,
              DNS_CAPTURE: 'true',
            }),
          },
          typeUrl,
        }).finish(),
      ),
  }),
  keepsOpen('200 streams with 300 rejections each', 'different 8 kB errors', {
    count: 200,
    requests: (i) => [
      DeltaDiscoveryRequest.encode({ node: node(), typeUrl: types.cds }).finish(),
      ...Array.from({ length: 300 }, (_, j) =>
        DeltaDiscoveryRequest.encode({
          typeUrl: types.cds,
          responseNonce: String(j),
          errorDetail: { code: 3, message: `${i} ${j} ${'e'.repeat(8000)}` },
        }).finish(),
      ),
    ],
  }),
]);
