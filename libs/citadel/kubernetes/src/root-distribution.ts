import {
  describeName,
  isNotFound,
  resources,
  type KubeApi,
  type KubeObject,
  type WatchEvent,
} from '@flotilla/kube-port';
import type { Logger } from '@flotilla/observability-port';
import { ignoredNamespaces } from '@flotilla/rules';
import { createBackoff, createSlots, messageOf, pause, systemClock, type Clock } from '@flotilla/std';

/** Istio's name for the ConfigMap with the root certificate, which injected pods mount. */
export const rootConfigMap = 'istio-ca-root-cert';
const key = 'root-cert.pem';
const labels = { 'istio.io/config': 'true' };

export interface RootDistributionOptions {
  readonly api: KubeApi;
  readonly rootPem: string;
  readonly log: Logger;
  readonly clock?: Clock;
  /** Uniform from 0 to 1. */
  readonly random?: () => number;
}

/** Writes at a time: a cluster may have ten thousand namespaces, and each write takes a connection. */
const maxWrites = 20;

/**
 * Writes the root certificate into every namespace, and restores it where somebody edits or deletes it. A write that
 * fails is tried again with growing pauses, while other namespaces do not wait. Runs until the signal aborts.
 */
export function createRootDistribution(options: RootDistributionOptions): (signal: AbortSignal) => Promise<void> {
  return async (signal) => {
    const distribution = new Distribution(options, signal);
    await Promise.all([distribution.followNamespaces(), distribution.followConfigMaps()]);
  };
}

class Distribution {
  readonly #options: Required<RootDistributionOptions>;
  readonly #signal: AbortSignal;
  readonly #namespaces = new Set<string>();
  /** Those that the list which is being read has not contained so far. */
  readonly #unconfirmed = new Set<string>();
  /** Namespaces whose ConfigMap has the root certificate. */
  readonly #right = new Set<string>();
  readonly #writing = new Set<string>();
  /** Of these, those in which something else was seen meanwhile: it may be newer than what is written. */
  readonly #overtaken = new Set<string>();
  readonly #slots = createSlots(maxWrites);
  #isListed = false;

  constructor(options: RootDistributionOptions, signal: AbortSignal) {
    this.#options = { clock: systemClock, random: Math.random, ...options };
    this.#signal = signal;
  }

  async followNamespaces(): Promise<void> {
    for await (const events of this.#options.api.watch(resources.namespaces, {}, this.#signal))
      for (const event of events) {
        if (event.type === 'listing') for (const namespace of this.#namespaces) this.#unconfirmed.add(namespace);
        else if (event.type === 'synced') for (const namespace of this.#unconfirmed) this.#forget(namespace);
        else if (event.type === 'found') this.#find(event.object);
        else if (event.type === 'gone') this.#forget(event.object.metadata.name);
        else this.#report(event);
      }
  }

  async followConfigMaps(): Promise<void> {
    const selection = { fieldSelector: `metadata.name=${rootConfigMap}` };
    for await (const events of this.#options.api.watch(resources.configMaps, selection, this.#signal))
      for (const event of events) {
        if (event.type === 'listing') this.#startListing();
        else if (event.type === 'synced') this.#startChecking();
        else if (event.type === 'found' || event.type === 'gone') {
          const { namespace = '' } = event.object.metadata;
          if (event.type === 'found' && this.#isRight(event.object)) this.#right.add(namespace);
          else this.#lose(namespace);
          this.#check(namespace);
        } else this.#report(event);
      }
  }

  #startListing(): void {
    this.#right.clear();
    this.#isListed = false;
  }

  /** Before the list is complete, a ConfigMap that has not been seen may exist nevertheless. */
  #startChecking(): void {
    this.#isListed = true;
    for (const namespace of this.#namespaces) this.#check(namespace);
  }

  #find(object: KubeObject): void {
    const { name } = object.metadata;
    if (!isLive(object)) return this.#forget(name);
    this.#unconfirmed.delete(name);
    this.#namespaces.add(name);
    this.#check(name);
  }

  #forget(namespace: string): void {
    this.#unconfirmed.delete(namespace);
    this.#namespaces.delete(namespace);
    this.#lose(namespace);
  }

  /** The namespace does not hold the root. */
  #lose(namespace: string): void {
    this.#right.delete(namespace);
    if (this.#writing.has(namespace)) this.#overtaken.add(namespace);
  }

  #isRight({ data }: KubeObject): boolean {
    return (data as Readonly<Record<string, unknown>> | undefined)?.[key] === this.#options.rootPem;
  }

  #needs(namespace: string): boolean {
    return this.#isListed && this.#namespaces.has(namespace) && !this.#right.has(namespace);
  }

  #check(namespace: string): void {
    if (this.#needs(namespace) && !this.#writing.has(namespace)) void this.#write(namespace);
  }

  /** Writes until the ConfigMap is right or is no longer needed. */
  async #write(namespace: string): Promise<void> {
    const { api, rootPem, log, clock, random } = this.#options;
    const backoff = createBackoff({ firstMs: 200, mostMs: 30_000, random });
    const name = { namespace, name: rootConfigMap };
    const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { ...name, labels }, data: { [key]: rootPem } };
    this.#writing.add(namespace);
    try {
      while (this.#needs(namespace) && !this.#signal.aborted) {
        this.#overtaken.delete(namespace);
        try {
          await this.#slots.run(async () => {
            if (!this.#needs(namespace) || this.#signal.aborted) return;
            await api.patch(resources.configMaps, name, { type: 'apply', fieldManager: 'citadel', force: true, body });
            if (!this.#overtaken.has(namespace)) this.#right.add(namespace);
          });
        } catch (thrown) {
          // A namespace that has gone is forgotten soon; another one of its name may have come meanwhile.
          if (!isNotFound(thrown))
            log.warn('the root certificate could not be written into a namespace; trying again', {
              configMap: describeName(name),
              problem: messageOf(thrown),
            });
          await pause(backoff.next(), this.#signal, clock);
        }
      }
    } finally {
      this.#writing.delete(namespace);
      this.#overtaken.delete(namespace);
    }
  }

  #report(event: WatchEvent): void {
    if (event.type === 'away')
      this.#options.log.warn('the API server cannot be read: new namespaces do not get the root certificate', {
        problem: event.reason,
      });
  }
}

/** Nothing can be written into a namespace that is being deleted. */
const isLive = ({ metadata }: KubeObject): boolean =>
  metadata['deletionTimestamp'] === undefined && !ignoredNamespaces.includes(metadata.name);
