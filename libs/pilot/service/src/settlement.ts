import type { Logger } from '@flotilla/observability-port';
import { preparedLists, typeUrls } from '@flotilla/pilot-xds';
import type { Change, Engine, Watch } from '@flotilla/query';
import { inTurns, messageOf, nextTurn } from '@flotilla/std';
import { Affected } from './affected.ts';
import type { SettledCause } from './cause.ts';
import type { ConnectedProxies } from './connected-proxies.ts';
import type { Cause } from './deliveries.ts';
import type { PilotMetrics } from './metrics.ts';
import { piece } from './pieces.ts';
import { nameOfType } from './protocol.ts';
import type { Proxy } from './proxy.ts';
import type { SharedLists } from './shared-lists.ts';

export interface SettlementOptions {
  readonly engine: Engine;
  readonly lists: SharedLists;
  readonly proxies: ConnectedProxies;
  readonly metrics: PilotMetrics;
  readonly log: Logger;
  /** These watches have changed; nothing has been sent yet. */
  onChanged(watches: ReadonlySet<Watch>): void;
  /** Each proxy has been sent what differs for it. */
  onSent(): void;
}

/**
 * Runs what changes affect, and sends each proxy what differs for it. Changes are settled one after the other, each in
 * pieces: large ones leave everything else in the process its turn.
 */
export class Settlement {
  readonly #options: SettlementOptions;
  #settled: Promise<unknown> = Promise.resolve();

  constructor(options: SettlementOptions) {
    this.#options = options;
  }

  /** Settles changes once those before them are settled. Rejects if queries or their watches fail as a whole. */
  settle(changes: readonly Change[], cause: SettledCause): Promise<void> {
    const settling = this.#settled.then(async () => {
      const changed = await this.#compute(changes, cause);
      this.#options.onChanged(changed);
      await this.#send(changed, cause);
    });
    this.#settled = settling.catch(() => {});
    return settling;
  }

  /** Returns the watches that have changed. */
  async #compute(changes: readonly Change[], cause: SettledCause): Promise<ReadonlySet<Watch>> {
    const { engine, lists } = this.#options;
    engine.begin(changes);
    cause.begun?.();
    let changed = engine.settle(piece());
    for (; !changed; changed = engine.settle(piece())) await nextTurn();
    for (const { key, subject } of lists.renamed(changed))
      while (!engine.prepare(preparedLists, key, { subject, ...piece() })) await nextTurn();
    return changed;
  }

  /** Sends each proxy what differs for it. Until the end, what some proxies have is as it was before the change. */
  async #send(changed: Iterable<Watch>, cause: SettledCause): Promise<void> {
    const affected = new Affected();
    await this.#relabel(changed, affected);
    await inTurns(this.#options.lists.settle(changed, affected));
    cause.computed?.(affected.size);
    await inTurns(this.#pushes(affected, cause));
    this.#options.onSent();
  }

  /** Moves proxies to the lists of their workloads' new labels. */
  async #relabel(changed: Iterable<Watch>, affected: Affected): Promise<void> {
    const { proxies } = this.#options;
    for (const watch of changed) {
      const proxy = proxies.labelledBy(watch);
      if (!proxy) continue;
      while (proxies.has(proxy) && !proxy.prepareLabels()) await nextTurn();
      if (proxies.has(proxy))
        this.#isolated(proxy, () => proxy.relabel().forEach((kind) => affected.note(proxy, kind, 'all')));
    }
  }

  *#pushes(affected: Affected, cause: Cause): Iterable<void> {
    const { proxies, metrics } = this.#options;
    for (const [holder, kinds] of affected) {
      const proxy = holder as Proxy;
      if (!proxies.has(proxy)) continue;
      for (const kind of kinds.keys()) metrics.pushes.add(1, { type: nameOfType(typeUrls[kind]) });
      this.#isolated(proxy, () =>
        proxy.push(new Map([...kinds].map(([kind, names]) => [typeUrls[kind], names])), cause),
      );
      yield;
    }
  }

  /** A bug that concerns one proxy costs that proxy one push, and nobody else anything. */
  #isolated(proxy: Proxy, work: () => void): void {
    const { metrics, log } = this.#options;
    try {
      work();
    } catch (error) {
      metrics.internalErrors.add(1);
      log.error('the changes for a proxy could not be computed; it keeps what it has', {
        proxy: proxy.attributes.id,
        error: messageOf(error),
      });
    }
  }
}
