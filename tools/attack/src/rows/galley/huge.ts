import type { Attack } from '../../attack.ts';
import { types } from '../../clients/ads.ts';
import { heartbeatCluster } from '../../mesh/folder.ts';
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
export const security = { group: 'security.istio.io/v1beta1' };
export const ports = [{ number: 80, name: 'http', protocol: 'HTTP' }];
export const listOf = (items: readonly object[]): string => JSON.stringify({ apiVersion: 'v1', kind: 'List', items });

/** After the object has been taken in, another change must reach a sidecar soon. */
async function isServed(mesh: Mesh, limitMs = 10_000): Promise<void> {
  const stream = await mesh.stream();
  stream.send({ typeUrl: types.eds, resourceNamesSubscribe: [heartbeatCluster] });
  await stream.next(({ message }) => message.typeUrl === types.eds, limitMs);
}
/** A row that writes a file and looks whether a sidecar is still served. */
export const huge = (name: string, content: () => string, more: Partial<Row> = {}): Row => ({
  name,
  describe: `${name}: read or refused, health stays, others are served`,
  deadlineMs: 45_000,
  run: async (mesh) => {
    mesh.write('huge.json', content());
    await pause(3000);
    await isServed(mesh);
  },
  ...more,
});
