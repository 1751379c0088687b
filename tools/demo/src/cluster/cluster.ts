import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { createDnsServer, type DnsServer } from '@flotilla/agent-dns';
import { watchFiles } from '@flotilla/files';
import { noObservability } from '@flotilla/observability-port';
import type { PodObject } from '@flotilla/injector-template';
import { messageOf } from '@flotilla/std';
import { createNetwork, nodeAddress, type Network } from '../node/network.ts';
import { createServiceProxy } from '../node/service-proxy.ts';
import { admit, findWebhook, isSelected } from './admission.ts';
import { podsOf, type DesiredPod, type KubeObject, type Service } from './objects.ts';
import { nodeName, Pod } from './pod.ts';
import { viewServices } from './service-view.ts';
import { createStateFolder, type StateFolder } from './state-folder.ts';
import { createSources, giveToCa } from './sources.ts';
import { createTokenIssuer, type TokenIssuer } from './tokens.ts';
import { NotReady, type VolumeSources } from './volumes.ts';
import { createWaiting } from './waiting.ts';

export interface ClusterOptions {
  /** Everything of this run: state, logs, secrets, volumes. */
  readonly folder: string;
  readonly given: readonly string[];
  readonly system: readonly string[];
  /** Secrets that are made for this run, `namespace/name` to their keys; never in the state folder. */
  readonly secrets: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** The injection webhook's Service. */
  readonly webhook: { readonly namespace: string; readonly service: string };
  /** Told what happens, for people. */
  readonly tell: (message: string) => void;
}

/** Written by pods, whatever their users. */
const sharedFolders = ['traces', 'ca'];
const retryMs = 300;
const withinMs = 60_000;

/**
 * Plays API server, controllers and kubelet for one node: reads manifests as they change, starts the pods that they ask
 * for, and writes Pods and EndpointSlices back for galley to read.
 */
export class Cluster {
  readonly state: StateFolder;
  readonly pods = new Map<string, Pod>();
  /** What can't be started, by pod. */
  readonly problems = new Map<string, string>();
  readonly #options: ClusterOptions;
  readonly #network: Network;
  readonly #dns: DnsServer;
  readonly #proxy = createServiceProxy();
  readonly #sources: VolumeSources;
  readonly #starting = new Map<string, AbortController>();
  readonly #stop = new AbortController();
  readonly #waiting = createWaiting();
  /** Whether each pod was ready when that was last looked at. */
  readonly #readiness = new Map<string, boolean>();
  #tellReadiness: ((pod: string, isReady: boolean) => void) | undefined;

  private constructor(
    options: ClusterOptions,
    parts: { readonly network: Network; readonly dns: DnsServer; readonly tokens: TokenIssuer },
  ) {
    this.#options = options;
    ({ network: this.#network, dns: this.#dns } = parts);
    this.state = createStateFolder(this.hostPath('state'), { ...options, secretsFolder: this.hostPath('secrets') });
    this.#sources = createSources({
      folder: options.folder,
      objects: () => this.objects,
      given: () => this.state.secrets,
      made: options.secrets,
      tokens: parts.tokens,
    });
  }

  /** Makes the node and starts what the manifests ask for; resolves when all of it is under way. */
  static async start(options: ClusterOptions): Promise<Cluster> {
    for (const name of ['state', 'logs', 'pods', 'secrets', ...sharedFolders])
      mkdirSync(join(options.folder, name), { recursive: true });
    for (const name of sharedFolders) chmodSync(join(options.folder, name), 0o777);
    const [network, tokens] = [await createNetwork(), await createTokenIssuer()];
    const dns = await createDnsServer({
      address: nodeAddress,
      port: 53,
      names: { namespace: '', domain: 'svc.cluster.local', search: [] },
      upstreams: [],
      log: noObservability.log,
      metrics: noObservability.metrics,
    });
    const cluster = new Cluster(options, { network, tokens, dns });
    writeFileSync(join(cluster.hostPath('ca'), 'jwks.json'), tokens.jwks);
    await cluster.#watch();
    return cluster;
  }

  /** The node's folder for `/flotilla/NAME`. */
  hostPath(name: string): string {
    return join(this.#options.folder, name);
  }

  /** What the manifests have, without Secrets. */
  get objects(): readonly KubeObject[] {
    return this.state.objects;
  }

  /** Reads the manifests, then goes on following them. */
  async #watch(): Promise<void> {
    const changes = watchFiles(this.state.sources).run(this.#stop.signal)[Symbol.asyncIterator]();
    const take = async (): Promise<boolean> => {
      const { value, done } = await changes.next();
      if (done) return false;
      for (const found of value) this.state.derive(found);
      giveToCa(this.hostPath('secrets'));
      this.#reconcile();
      return true;
    };
    await take();
    void (async () => {
      while (await take());
    })().catch((thrown: unknown) =>
      this.#options.tell(`configuration is not followed any more; start again (${messageOf(thrown)})`),
    );
  }

  /** Pods that are asked for are started, others stopped. */
  #reconcile(): void {
    const desired = new Map(podsOf(this.objects).map((pod) => [`${pod.namespace}/${pod.name}`, pod]));
    for (const [key, starting] of this.#starting) if (!desired.has(key)) starting.abort();
    for (const [key, pod] of this.pods) {
      if (desired.has(key)) continue;
      this.pods.delete(key);
      this.state.remove(fileOf('pods', key));
      pod
        .close()
        .catch((thrown: unknown) =>
          this.#options.tell(`pod ${key} could not be removed completely: ${messageOf(thrown)}`),
        );
    }
    for (const [key, pod] of desired)
      if (!this.pods.has(key) && !this.#starting.has(key)) void this.#startPod(key, pod);
    this.#publish();
  }

  /** Tries until it runs or isn't asked for any more. */
  async #startPod(key: string, { object }: DesiredPod): Promise<void> {
    const cancel = new AbortController();
    this.#starting.set(key, cancel);
    const ended = AbortSignal.any([cancel.signal, this.#stop.signal]);
    while (!ended.aborted) {
      try {
        const pod = await Pod.start(await this.#admit(object), {
          network: this.#network,
          folder: this.hostPath('pods'),
          logs: this.hostPath('logs'),
          sources: this.#sources,
          onChange: () => this.#publish(),
        });
        this.problems.delete(key);
        if (ended.aborted) await pod.close();
        else this.pods.set(key, pod);
        break;
      } catch (thrown) {
        if (!(thrown instanceof NotReady)) {
          if (!this.problems.has(key)) this.#options.tell(`pod ${key} does not start yet: ${messageOf(thrown)}`);
          this.problems.set(key, messageOf(thrown));
        }
        await pause(retryMs, undefined, { signal: ended }).catch(() => {});
      }
    }
    this.#starting.delete(key);
    this.#publish();
  }

  async #admit(object: PodObject): Promise<PodObject> {
    const labels = this.objects.find(
      ({ kind, metadata }) => kind === 'Namespace' && metadata.name === object.metadata.namespace,
    );
    if (!isSelected(object, labels ? (labels.metadata.labels ?? {}) : undefined)) return object;
    const { namespace, service } = this.#options.webhook;
    const webhook = findWebhook(this.#options.webhook, {
      services: this.#services,
      pods: this.#running,
      roots: this.#sources.configMap(namespace, 'istio-ca-root-cert')?.['root-cert.pem'],
    });
    if (!webhook) throw new NotReady(`the injection webhook ${namespace}/${service} is not ready`);
    return admit(object, webhook);
  }

  get #services(): Service[] {
    return this.objects.filter(({ kind, apiVersion }) => kind === 'Service' && apiVersion === 'v1') as Service[];
  }
  get #running() {
    return [...this.pods.values()].map(({ running }) => running);
  }

  /** Writes what the API would say of pods and endpoints, and leads Services' names and addresses to them. */
  #publish(): void {
    if (this.#stop.signal.aborted) return;
    for (const [key, pod] of this.pods) this.state.put(fileOf('pods', key), pod.manifest);
    const { slices, names, ports } = viewServices(this.#services, this.#running, nodeName);
    for (const [key, items] of slices)
      this.state.put(fileOf('endpointslices', key), { apiVersion: 'v1', kind: 'List', items });
    this.#dns.update(names);
    this.#proxy
      .apply(ports)
      .catch((thrown: unknown) => this.#options.tell(`addresses of Services can't be set: ${messageOf(thrown)}`));
    this.#waiting.wake();
    this.#noteReadiness();
  }

  /** Calls `tell` with each pod that becomes ready or stops being so, from now on. */
  onReadiness(tell: (pod: string, isReady: boolean) => void): void {
    this.#tellReadiness = tell;
  }

  #noteReadiness(): void {
    for (const key of this.#readiness.keys()) if (!this.pods.has(key)) this.#readiness.delete(key);
    for (const [key, { isReady }] of this.pods) {
      const before = this.#readiness.get(key) ?? false;
      this.#readiness.set(key, isReady);
      if (before !== isReady) this.#tellReadiness?.(key, isReady);
    }
  }

  /** A running pod by the start of its name. Throws when there is none. */
  pod(namespace: string, start: string): Pod {
    const found = [...this.pods].find(
      ([key]) => key.startsWith(`${namespace}/${start}-`) || key === `${namespace}/${start}`,
    )?.[1];
    if (!found) throw new Error(`no pod of ${namespace}/${start} runs`);
    return found;
  }

  /**
   * Resolves as soon as `reached` holds, asked again at each change of any pod. Rejects when it takes too long, saying
   * what is not ready.
   */
  until(what: string, reached: () => boolean, timeoutMs = withinMs): Promise<void> {
    return this.#waiting.until(reached, {
      timeoutMs,
      signal: this.#stop.signal,
      describe: () => `${what}: not within ${timeoutMs / 1000} s; ${this.#describeUnready()}`,
    });
  }

  /** All pods that are asked for run and are ready. */
  untilReady(timeoutMs?: number): Promise<void> {
    return this.until(
      'pods',
      () => this.#starting.size === 0 && [...this.pods.values()].every(({ isReady }) => isReady),
      timeoutMs,
    );
  }

  #describeUnready(): string {
    const starting = [...this.#starting.keys()].map(
      (key) => `${key}: ${this.problems.get(key) ?? 'waits for what its volumes need'}`,
    );
    const unready = [...this.pods]
      .filter(([, { isReady }]) => !isReady)
      .map(([key]) => `${key}: not ready, see ${this.hostPath('logs')}`);
    return [...starting, ...unready].join('; ') || 'all pods are ready';
  }

  /** Stops everything; the folder of this run stays. */
  async close(): Promise<void> {
    if (this.#stop.signal.aborted) return;
    this.#stop.abort();
    await Promise.all([...this.pods.values()].map((pod) => pod.close()));
    await this.#dns.close();
    await this.#network.close();
  }
}

const fileOf = (kind: string, key: string): string => `${kind}/${key.replace('/', '_')}.yaml`;
