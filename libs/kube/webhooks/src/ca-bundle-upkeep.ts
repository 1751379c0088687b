import {
  describeResource,
  type KubeApi,
  type KubeObject,
  type KubeResource,
  type Leadership,
  type WatchEvent,
} from '@flotilla/kube-port';
import type { Observability } from '@flotilla/observability-port';
import type { CertificateSource } from '@flotilla/pki';
import { createBackoff, messageOf, pause, systemClock, type Clock } from '@flotilla/std';
import { buildCaBundlePatch, foreignNamespaces, hasWebhooks } from './ca-bundle.ts';

export interface CaBundleUpkeepOptions {
  readonly api: KubeApi;
  /** MutatingWebhookConfigurations or ValidatingWebhookConfigurations. */
  readonly resource: KubeResource;
  /** Selects configurations by their labels: `istio.io/rev=default`. */
  readonly labelSelector: string;
  /** The suffix of the names of the webhooks that this service answers: `sidecar-injector.istio.io`. */
  readonly suffix: string;
  /** The namespace of this control plane: webhooks that a Service in another one answers are left alone. */
  readonly namespace: string;
  /** The webhook's serving certificate: the API server must trust its roots. */
  readonly certificate: CertificateSource;
  /** Only the leader of several replicas writes; without this, every replica does. */
  readonly leadership?: Leadership | undefined;
  readonly observability: Pick<Observability, 'log' | 'metrics'>;
  readonly clock?: Clock;
  /** Uniform from 0 to 1. */
  readonly random?: () => number;
}

/**
 * Keeps the `caBundle` of webhooks equal to the roots of their serving certificate: writes it when the first
 * certificate arrives, when its roots change, and when somebody edits or adds a configuration. A failed write is
 * repeated with growing pauses. Runs until the signal aborts. Metrics are those of Istio (pkg/webhooks).
 */
export function createCaBundleUpkeep(options: CaBundleUpkeepOptions): (signal: AbortSignal) => Promise<void> {
  return async (signal) => {
    const upkeep = new Upkeep(options, signal);
    const forget = [options.certificate.onChange(upkeep.checkAll), options.leadership?.onChange(upkeep.checkAll)];
    try {
      await upkeep.follow();
    } finally {
      for (const end of forget) end?.();
    }
  };
}

class Upkeep {
  readonly #options: Required<Pick<CaBundleUpkeepOptions, 'clock' | 'random'>> & CaBundleUpkeepOptions;
  readonly #signal: AbortSignal;
  /** The configurations as last seen. */
  readonly #seen = new Map<string, KubeObject>();
  /** Those that have not appeared so far in the list that is being read. */
  readonly #unconfirmed = new Set<string>();
  readonly #writing = new Set<string>();
  /** Of configurations with webhooks of other control planes, the namespaces that the log has named. */
  readonly #foreign = new Map<string, string>();
  /** Those of them that were found to be wrong since the current attempt began. */
  readonly #wrong = new Set<string>();
  readonly #attempts;
  readonly #failures;

  constructor(options: CaBundleUpkeepOptions, signal: AbortSignal) {
    this.#options = { clock: systemClock, random: Math.random, ...options };
    this.#signal = signal;
    const { metrics } = options.observability;
    this.#attempts = metrics.counter('webhook_patch_attempts_total', 'Webhook patching attempts.');
    this.#failures = metrics.counter('webhook_patch_failures_total', 'Webhook patching total failures.');
  }

  async follow(): Promise<void> {
    const { api, resource, labelSelector } = this.#options;
    for await (const events of api.watch(resource, { labelSelector }, this.#signal))
      for (const event of events) this.#take(event);
  }

  readonly checkAll = (): void => {
    for (const configuration of this.#seen.values()) this.#check(configuration);
  };

  #take(event: WatchEvent): void {
    const { resource, labelSelector, suffix, namespace, observability } = this.#options;
    switch (event.type) {
      case 'listing':
        for (const name of this.#seen.keys()) this.#unconfirmed.add(name);
        return;
      case 'found':
        this.#unconfirmed.delete(event.object.metadata.name);
        this.#noteForeign(event.object);
        if (!hasWebhooks(event.object, { suffix, namespace }))
          return void this.#seen.delete(event.object.metadata.name);
        this.#seen.set(event.object.metadata.name, event.object);
        return this.#check(event.object);
      case 'gone':
        this.#foreign.delete(event.object.metadata.name);
        return void this.#seen.delete(event.object.metadata.name);
      case 'synced':
        for (const name of this.#unconfirmed) this.#seen.delete(name);
        this.#unconfirmed.clear();
        if (this.#seen.size === 0)
          observability.log.warn('the webhook is not registered with the API server: no pod is injected until it is', {
            expected: `${describeResource(resource)} with label ${labelSelector} and a webhook *.${suffix}`,
          });
        return;
      case 'away':
        return observability.log.warn('webhook configurations cannot be read: an edited caBundle is not restored', {
          problem: event.reason,
        });
      case 'back':
    }
  }

  /** Two control planes that both wrote would overwrite each other forever. */
  #noteForeign(configuration: KubeObject): void {
    const { suffix, namespace, observability } = this.#options;
    const { name } = configuration.metadata;
    const namespaces = foreignNamespaces(configuration, { suffix, namespace }).join(', ');
    if (namespaces === (this.#foreign.get(name) ?? '')) return;
    this.#foreign.set(name, namespaces);
    if (namespaces !== '')
      observability.log.warn('webhooks of another control plane of this revision are left alone', {
        configuration: name,
        problem: `they lead to a Service in namespace ${namespaces}, and this control plane is in ${namespace}`,
        remedy: 'give one of the two a --revision of its own with its own webhook configuration, or remove one',
      });
  }

  #check(configuration: KubeObject): void {
    const { name } = configuration.metadata;
    if (!this.#patchFor(configuration)) return;
    this.#wrong.add(name);
    if (!this.#writing.has(name)) void this.#write(name);
  }

  /** Undefined when there is nothing to write, or when another replica leads. */
  #patchFor(configuration: KubeObject): object | undefined {
    const { certificate, leadership, suffix, namespace } = this.#options;
    const roots = certificate.current()?.roots;
    if (roots === undefined || leadership?.isLeader() === false) return undefined;
    return buildCaBundlePatch(configuration, { suffix, namespace, roots });
  }

  /** Writes until the configuration is right or gone. Reads it first, because the last seen version may be outdated. */
  async #write(name: string): Promise<void> {
    const { api, resource, clock, random, observability } = this.#options;
    const backoff = createBackoff({ firstMs: 200, mostMs: 30_000, random });
    this.#writing.add(name);
    while (this.#wrong.delete(name) && this.#seen.has(name) && !this.#signal.aborted)
      try {
        const configuration = await api.get(resource, { name });
        const body = configuration && this.#patchFor(configuration);
        if (!body) continue;
        this.#attempts.add();
        await api.patch(resource, { name }, { type: 'merge', body });
        observability.log.info('the webhook has the root certificate', { configuration: name });
      } catch (thrown) {
        this.#wrong.add(name);
        this.#failures.add();
        observability.log.warn('caBundle of a webhook could not be written; trying again', {
          configuration: name,
          problem: messageOf(thrown),
        });
        await pause(backoff.next(), this.#signal, clock);
      }
    this.#writing.delete(name);
    this.#wrong.delete(name);
  }
}
