import { SecretFiles, type SecretFile } from '@flotilla/citadel-credentials';
import { createCredentialServer } from '@flotilla/citadel-server';
import type { GrpcService } from '@flotilla/grpc';
import type { CredentialSource, CredentialUpdate } from '@flotilla/model';
import type { Logger } from '@flotilla/observability-port';
import { spiffeOf } from '@flotilla/pki';
import { AsyncQueue } from '@flotilla/std';

/** Files of Secrets: first all there are, then those that changed. */
export interface SecretSource { run(signal: AbortSignal): AsyncIterable<readonly SecretFile[]> }
export interface SecretsOptions { readonly source: SecretSource; readonly trustDomain: string; readonly log: Logger }
/** Credentials of Secrets: served to pilot over mTLS, or watched in the same process. */
export interface Secrets extends GrpcService, CredentialSource {
  /** Ends when the signal aborts or the source does; throws what the source throws. */
  run(signal: AbortSignal): Promise<void>;
}

export function createSecrets({ source, trustDomain, log: root }: SecretsOptions): Secrets {
  const log = root.scope('secrets');
  const server = createCredentialServer({ allow: [spiffeOf({ trustDomain, namespace: 'istio-system', serviceAccount: 'pilot' })], log });
  const files = new SecretFiles();
  const watchers = new Set<AsyncQueue<CredentialUpdate>>();
  const held = new Map<string, CredentialUpdate['put'] extends ReadonlyMap<string, infer C> ? C : never>();

  function take(found: readonly SecretFile[]): void {
    const { update, problems } = files.apply(found);
    for (const { message, origin, resource } of problems) log.error(message, { origin, resource });
    for (const [key, credential] of update.put) held.set(key, credential);
    for (const key of update.delete) held.delete(key);
    server.update(update);
    for (const watcher of watchers) watcher.push(update);
    if (update.put.size + update.delete.length > 0) log.info('credentials changed', { put: [...update.put.keys()], delete: update.delete });
  }

  return {
    addTo: server.addTo,
    async run(signal) {
      for await (const found of source.run(signal)) take(found);
    },
    async *watch(signal) {
      const queue = new AsyncQueue<CredentialUpdate>();
      const stop = (): void => queue.close();
      signal.addEventListener('abort', stop, { once: true });
      if (held.size > 0) queue.push({ put: new Map(held), delete: [] });
      watchers.add(queue);
      try {
        yield* queue;
      } finally {
        watchers.delete(queue);
        signal.removeEventListener('abort', stop);
      }
    },
  };
}
