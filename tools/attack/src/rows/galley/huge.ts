import type { Attack } from '../../attack.ts';
import { nodeOf, types, type AdsStream } from '../../clients/ads.ts';
import { gatewayAccount, gatewayAddress, heartbeatCluster } from '../../mesh/folder.ts';
import type { Mesh } from '../../mesh/attacked-mesh.ts';
import { setTimeout as pause } from 'node:timers/promises';

type Row = Omit<Attack, 'service' | 'kind'>;
export const many = <T>(count: number, one: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => one(i));
/** A resource in the namespace of the sidecar that is watched. */
export const resource = (
  kind: string,
  spec: object,
  { name = 'attack', group = 'networking.istio.io/v1beta1' }: { readonly name?: string; readonly group?: string } = {},
): object => ({ apiVersion: group, kind, metadata: { name, namespace: 'shop' }, spec });
export const pods = (count: number, labels: object): object[] =>
  many(count, (i) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `p${i}`, namespace: 'shop', labels },
    spec: { containers: [], nodeName: 'n' },
    status: { podIP: `10.8.${i >> 8}.${i & 255}`, phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
  }));
export const security = { group: 'security.istio.io/v1beta1' };
export const ports = [{ number: 80, name: 'http', protocol: 'HTTP' }];
export const listOf = (items: readonly object[]): string => JSON.stringify({ apiVersion: 'v1', kind: 'List', items });

/** After the object has been taken in, another change must reach a sidecar soon. */
async function isServed(mesh: Mesh, limitMs = 10_000): Promise<void> {
  const stream = await mesh.stream();
  stream.send({ typeUrl: types.eds, resourceNamesSubscribe: [heartbeatCluster] });
  await stream.next(({ message }) => message.typeUrl === types.eds, limitMs);
}
const markerHost = 'marker.test';
const marker = resource(
  'ServiceEntry',
  { hosts: [markerHost], ports, resolution: 'STATIC', endpoints: [{ address: '10.1.2.3' }] },
  { name: 'marker' },
);
const cluster = (host: string): string => `outbound|80||${host}`;
/**
 * Writes objects, and waits until they are in force, or refused. The last object of their file shows it: a file is one
 * change, and small files overtake a large one while it is read.
 */
async function take(mesh: Mesh, items: readonly object[], limitMs = 30_000): Promise<void> {
  const stream = await mesh.stream();
  stream.send({ typeUrl: types.eds, resourceNamesSubscribe: [cluster(markerHost)] });
  await stream.next(({ message }) => message.typeUrl === types.eds, limitMs);
  mesh.write('huge.json', listOf([...items, marker]));
  await stream.next(({ message }) => message.typeUrl === types.eds && message.resources.length > 0, limitMs);
}

/** A proxy that takes its clusters, their endpoints, its listeners and some routes. Rejects when it gets no more. */
async function takeAll(
  stream: AdsStream,
  { routes, limitMs = 10_000 }: { readonly routes: readonly string[]; readonly limitMs?: number },
): Promise<void> {
  const ask = async (typeUrl: string, names: readonly string[] = []): Promise<string[]> => {
    if (names.length > 0 || typeUrl === types.cds || typeUrl === types.lds)
      stream.send({ typeUrl, ...(names.length > 0 ? { resourceNamesSubscribe: [...names] } : {}) });
    const { message } = await stream.next((response) => response.message.typeUrl === typeUrl, limitMs);
    // What was taken is of no use any more, and may be gigabytes.
    stream.responses.length = 0;
    return 'removedResources' in message ? message.resources.map(({ name }) => name ?? '') : [];
  };
  const missing = new Set((await ask(types.cds)).filter((name) => name.startsWith('outbound|')));
  const until = Date.now() + limitMs;
  for (let asked = [...missing]; missing.size > 0 && Date.now() < until; asked = [])
    for (const name of await ask(types.eds, asked)) missing.delete(name);
  await ask(types.lds);
  await ask(types.rds, routes);
}

/**
 * A row that writes objects, waits until they are in force, and then takes all that a sidecar gets, or that and what a
 * gateway gets.
 */
export const taken = (
  name: string,
  items: () => readonly object[],
  { by = 'sidecar', ...more }: Partial<Row> & { readonly by?: 'sidecar' | 'gateway' } = {},
): Row => ({
  name,
  describe: `${name}: applied or refused, a proxy receives what results, health checks keep passing, other proxies are served`,
  deadlineMs: 90_000,
  run: async (mesh) => {
    await take(mesh, items());
    await takeAll(await mesh.stream(), { routes: ['80'] });
    if (by === 'gateway') {
      const nodeId = nodeOf('shop', { kind: 'router', name: 'gateway', address: gatewayAddress });
      const certificate = await mesh.certificate('shop', gatewayAccount);
      await takeAll(await mesh.stream({ nodeId, certificate }), { routes: ['http.80'] });
    }
    await isServed(mesh);
  },
  ...more,
});

/** A row that writes a file and looks whether a sidecar is still served. */
export const huge = (name: string, content: () => string, more: Partial<Row> = {}): Row => ({
  name,
  describe: `${name}: applied or refused, health checks keep passing, other proxies are served`,
  deadlineMs: 45_000,
  run: async (mesh) => {
    mesh.write('huge.json', content());
    await pause(3000);
    await isServed(mesh);
  },
  ...more,
});
