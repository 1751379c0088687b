import { createHash } from 'node:crypto';
import { AdsStream, nodeOf, types } from '../clients/ads.ts';
import type { Clients } from './orders.ts';

const digestOf = (bytes: Uint8Array | null | undefined): string =>
  createHash('sha256')
    .update(bytes ?? new Uint8Array())
    .digest('base64url')
    .slice(0, 16);
const routes = ['80'];

/**
 * A sidecar that connects, takes its whole configuration and leaves. Returns a digest of each resource. Rejects when it
 * is not served.
 */
export async function fetchConfiguration(
  { address, certificate, server }: Clients['sidecar'],
  limitMs: number,
): Promise<Record<string, string>> {
  const stream = new AdsStream({
    address,
    certificate,
    server,
    variant: 'delta',
    nodeId: nodeOf('shop'),
    metadata: { NAMESPACE: 'shop' },
  });
  const found: Record<string, string> = {};
  const ask = async (typeUrl: string, names: readonly string[] = []): Promise<readonly string[]> => {
    stream.send({ typeUrl, ...(names.length > 0 ? { resourceNamesSubscribe: [...names] } : {}) });
    const { message } = await stream.next((response) => response.message.typeUrl === typeUrl, limitMs);
    const resources = 'removedResources' in message ? message.resources : [];
    for (const { name, resource } of resources)
      found[`${typeUrl.split('.').at(-1)} ${name}`] = digestOf(resource?.value);
    return resources.map(({ name }) => name ?? '');
  };
  try {
    const clusters = await ask(types.cds);
    await ask(
      types.eds,
      clusters.filter((name) => name.startsWith('outbound|')),
    );
    await ask(types.lds);
    await ask(types.rds, routes);
    return found;
  } finally {
    stream.close();
  }
}
