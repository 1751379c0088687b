import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AdsStream, nodeOf, types } from '../clients/ads.ts';
import { heartbeat, heartbeatCluster } from './folder.ts';
import type { Mesh } from './attacked-mesh.ts';

/**
 * A sidecar whose stream stays open from row to row, and a file that changes: whether a change still reaches a sidecar.
 */
export class Heart {
  readonly #mesh: Mesh;
  #stream: AdsStream | undefined;
  #beats = 0;

  constructor(mesh: Mesh) {
    this.#mesh = mesh;
  }

  /** Whether the stream is as it was. */
  get isConnected(): boolean {
    return this.#stream !== undefined && this.#stream.ended === undefined;
  }

  async connect(): Promise<void> {
    this.#stream?.close();
    this.#stream = new AdsStream({
      address: this.#mesh.address('secure-xds'),
      certificate: await this.#mesh.certificate(),
      server: this.#mesh.program('pilot').name,
      variant: 'delta',
      nodeId: nodeOf('shop', { name: 'heart' }),
      metadata: { NAMESPACE: 'shop' },
    });
    this.#stream.send({ typeUrl: types.eds, resourceNamesSubscribe: [heartbeatCluster] });
  }

  /** Changes the file and waits for the change. Rejects when it does not come in time. */
  async beat(limitMs: number): Promise<void> {
    if (!this.isConnected) await this.connect();
    this.#beats += 1;
    const address = `10.200.${Math.floor(this.#beats / 250)}.${(this.#beats % 250) + 1}`;
    const { folder } = this.#mesh;
    writeFileSync(join(folder, 'draft'), heartbeat(address));
    renameSync(join(folder, 'draft'), join(folder, 'config/heartbeat.json'));
    const stream = this.#stream;
    const { message } =
      (await stream?.next(
        ({ message }) =>
          'removedResources' in message &&
          message.resources.some(({ resource }) => Buffer.from(resource?.value ?? []).includes(address)),
        limitMs,
      )) ?? {};
    if (message) stream?.send({ typeUrl: types.eds, responseNonce: message.nonce });
    stream?.responses.splice(0);
  }

  close(): void {
    this.#stream?.close();
  }
}
