import { readFile } from 'node:fs/promises';
import type { Subscriber } from '@flotilla/bus-port';
import { inject, type Injection } from '@flotilla/injector-inject';
import { createWebhook } from '@flotilla/injector-server';
import type { PodObject, Values } from '@flotilla/injector-template';
import {
  keyOf,
  type AnyResource,
  type Collection,
  type MeshConfig,
  type Resource,
  type ObjectKey,
} from '@flotilla/model';
import type { Observability } from '@flotilla/observability-port';
import type { CertificateSource } from '@flotilla/pki';
import type { GuardOptions } from '@flotilla/server';
import { aborted, ok, type Result } from '@flotilla/std';

export interface InjectorOptions {
  readonly subscriber: Subscriber;
  readonly observability: Observability;
  readonly values: Values;
  readonly revision?: string;
  readonly enableNativeSidecars?: boolean;
  readonly signal: AbortSignal;
}
export interface ServeOptions {
  readonly bind: string;
  readonly injectionPort: number;
  readonly webhookClientCaFile?: string | undefined;
  readonly certificate: CertificateSource;
  readonly first?: Promise<void>;
  readonly guard: GuardOptions;
}
const followed: readonly Collection[] = ['mesh-config', 'proxy-configs'];

/**
 * Sidecar-injector: follows the mesh's configuration on the bus and answers the API server's webhook. It is ready when
 * it knows that configuration.
 */
export function createInjector({
  subscriber,
  observability,
  values,
  revision,
  enableNativeSidecars,
  signal,
}: InjectorOptions) {
  const { metrics } = observability;
  const success = metrics.counter(
    'sidecar_injection_success_total',
    'Total number of successful sidecar injection requests.',
  );
  const skips = metrics.counter('sidecar_injection_skip_total', 'Total number of skipped sidecar injection requests.');
  const log = observability.log.scope('injection');
  const ready = Promise.withResolvers<null>();
  const incomplete = new Set<Collection>(followed);
  const proxyConfigs = new Map<ObjectKey, Resource<'proxy-configs'>>();
  let mesh: MeshConfig | undefined;

  function take(resource: AnyResource): void {
    if (resource.collection === 'mesh-config') mesh = resource.spec;
    else if (resource.collection === 'proxy-configs') proxyConfigs.set(keyOf(resource.meta), resource);
  }

  /** Follows the bus until stopped. */
  async function run(): Promise<void> {
    for await (const batch of subscriber.subscribe(followed, signal)) {
      for (const { resource } of batch.put) take(resource);
      for (const { collection, key } of batch.delete) if (collection === 'proxy-configs') proxyConfigs.delete(key);
      for (const collection of batch.complete) incomplete.delete(collection);
      if (incomplete.size === 0 && mesh) ready.resolve(null);
    }
  }

  function decide(
    pod: PodObject,
    { namespace, proxyEnv }: { readonly namespace: string; readonly proxyEnv: Readonly<Record<string, string>> },
  ): Result<{ readonly patch?: Extract<Injection, { patch: unknown }>['patch'] }> {
    if (!mesh) return { ok: false, error: 'the mesh configuration is not known yet; try again' };
    const result = inject(pod, {
      namespace,
      mesh,
      values,
      proxyConfigs: [...proxyConfigs.values()],
      proxyEnv,
      ...(revision ? { revision } : {}),
      ...(enableNativeSidecars ? { nativeSidecars: true } : {}),
    });
    if (!result.ok) return result;
    const name = pod.metadata.name ?? pod.metadata.generateName ?? '';
    if ('skipped' in result.value) {
      skips.add();
      log.debug('left a pod as it is', { namespace, pod: name, reason: result.value.skipped });
      return ok({});
    }
    success.add();
    log.debug('injected a pod', { namespace, pod: name });
    return ok({ patch: result.value.patch });
  }

  const webhook = createWebhook({ decide, observability });

  /**
   * Answers on a port (0: any) with a certificate that may be renewed; waits for the first. `listening` resolves with
   * the port in use.
   */
  function serve({ bind, injectionPort, webhookClientCaFile, certificate, first, guard }: ServeOptions) {
    const listening = Promise.withResolvers<number>();
    const runWebhook = async (_stop: AbortSignal, started: () => void): Promise<void> => {
      await Promise.race([first, aborted(signal)]);
      if (signal.aborted) return;
      const clientRoots =
        webhookClientCaFile === undefined ? {} : { clientRoots: await readFile(webhookClientCaFile, 'utf8') };
      const server = await webhook.listen({
        ...guard,
        at: { host: bind, port: injectionPort },
        tls: { source: certificate, clients: 'optional', ...clientRoots },
      });
      started();
      listening.resolve(server.port);
      log.info('serving', { what: 'webhook', at: `${bind}:${server.port}` });
      await aborted(signal);
      await server.close();
    };
    return { runner: { name: 'webhook', run: runWebhook }, listening: listening.promise };
  }
  return { run, ready: ready.promise, serve };
}
