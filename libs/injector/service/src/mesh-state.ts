import type { Subscriber } from '@flotilla/bus-port';
import {
  keyOf,
  type AnyResource,
  type Collection,
  type MeshConfig,
  type ObjectKey,
  type Resource,
} from '@flotilla/model';

const followed: readonly Collection[] = ['mesh-config', 'proxy-configs'];

/** What injection needs of the mesh's configuration, as the bus has it. */
export class MeshState {
  readonly #incomplete = new Set<Collection>(followed);
  readonly #proxyConfigs = new Map<ObjectKey, Resource<'proxy-configs'>>();
  readonly #ready = Promise.withResolvers<null>();
  #mesh: MeshConfig | undefined;

  /** Resolves when the configuration is known as a whole. */
  get ready(): Promise<null> {
    return this.#ready.promise;
  }

  get mesh(): MeshConfig | undefined {
    return this.#mesh;
  }

  get proxyConfigs(): readonly Resource<'proxy-configs'>[] {
    return [...this.#proxyConfigs.values()];
  }

  /** Follows the bus until the signal aborts. */
  async follow(subscriber: Subscriber, signal: AbortSignal): Promise<void> {
    for await (const batch of subscriber.subscribe(followed, signal)) {
      for (const { resource } of batch.put) this.#take(resource);
      for (const { collection, key } of batch.delete)
        if (collection === 'proxy-configs') this.#proxyConfigs.delete(key);
      for (const collection of batch.complete) this.#incomplete.delete(collection);
      if (this.#incomplete.size === 0 && this.#mesh) this.#ready.resolve(null);
    }
  }

  #take(resource: AnyResource): void {
    if (resource.collection === 'mesh-config') this.#mesh = resource.spec;
    else if (resource.collection === 'proxy-configs') this.#proxyConfigs.set(keyOf(resource.meta), resource);
  }
}
