import { readFile } from 'node:fs/promises';
import type { Subscriber } from '@flotilla/bus-port';
import { inject, type Injection } from '@flotilla/injector-inject';
import { createWebhook } from '@flotilla/injector-server';
import type { InjectionConfig, PodObject } from '@flotilla/injector-template';
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
  /** The configuration of injection; undefined while it is not known. */
  readonly config: { current(): InjectionConfig | undefined };
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
  config,
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
  /** Whether a client has refused the certificate since the last review. */
  let isDistrusted = false;

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
    isDistrusted = false;
    const injection = config.current();
    if (!mesh || !injection)
      return {
        ok: false,
        error: `the configuration of ${mesh ? 'injection' : 'the mesh'} is not known yet; try again`,
      };
    const result = inject(pod, {
      ...injection,
      namespace,
      mesh,
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

  /** Logs once, until the next review arrives, what to do about a client that does not trust the certificate. */
  function onDistrust(alert: string): void {
    if (isDistrusted) return;
    isDistrusted = true;
    log.error(distrusted, { alert });
  }

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
        tls: { source: certificate, clients: 'optional', onDistrust, ...clientRoots },
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

const distrusted =
  'a client does not trust the certificate of the webhook: if it is the API server, selected pods are refused until caBundle in the MutatingWebhookConfiguration is the root certificate of ConfigMap istio-ca-root-cert; with --platform kubernetes, the injector writes caBundle itself';
