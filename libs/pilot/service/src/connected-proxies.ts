import type { Watch } from '@flotilla/query';
import type { PilotMetrics } from './metrics.ts';
import type { Proxy } from './proxy.ts';

/** The proxies that are connected, which are also found by the watch on their workload's labels. */
export class ConnectedProxies implements Iterable<Proxy> {
  readonly #all = new Set<Proxy>();
  readonly #byLabels = new Map<Watch, Proxy>();
  readonly #metrics: Pick<PilotMetrics, 'connected'>;

  constructor(metrics: Pick<PilotMetrics, 'connected'>) {
    this.#metrics = metrics;
  }

  [Symbol.iterator](): Iterator<Proxy> {
    return this.#all[Symbol.iterator]();
  }

  has(proxy: Proxy): boolean {
    return this.#all.has(proxy);
  }

  /** The proxy whose labels this watch is on. */
  labelledBy(watch: Watch): Proxy | undefined {
    return this.#byLabels.get(watch);
  }

  add(proxy: Proxy): void {
    this.#all.add(proxy);
    this.#byLabels.set(proxy.labels, proxy);
    this.#metrics.connected.set(this.#all.size);
  }

  delete(proxy: Proxy): void {
    this.#byLabels.delete(proxy.labels);
    this.#all.delete(proxy);
    this.#metrics.connected.set(this.#all.size);
  }
}
