import type { Batch, Subscriber } from '@flotilla/bus-port';
import { collections, keyOf, type Collection } from '@flotilla/model';
import type { Observability } from '@flotilla/observability-port';
import { createAdsServer } from '@flotilla/pilot-server';
import { createWorldStore, worldChanges } from '@flotilla/pilot-world';
import { Engine, type Change, type Watch } from '@flotilla/query';
import { Proxy, xdsProtocol, type Owner } from './proxies.ts';

export interface PilotOptions { readonly subscriber: Subscriber; readonly observability: Observability; readonly signal: AbortSignal }

/**
 * Pilot: takes configuration from the bus, keeps the World, serves every proxy what differs for it. Nothing is served before every collection is
 * complete; while galley is away, what is known stays in force.
 */
export function createPilot({ subscriber, observability, signal }: PilotOptions) {
  const engine = new Engine(createWorldStore());
  const owners = new Map<Watch, Owner>();
  const proxies = new Set<Proxy>();
  const incomplete = new Set<Collection>(collections);
  const ready = Promise.withResolvers<null>();
  let entriesAfterCollect = 0;

  const pushes = observability.metrics.counter('pilot_xds_pushes', 'Pushes to proxies.');
  const connected = observability.metrics.gauge('pilot_xds', 'Connected proxies.');

  function apply(batch: Batch): void {
    const changes: Change[] = [
      ...batch.put.flatMap(({ resource }) => worldChanges(resource.collection, keyOf(resource.meta), resource)),
      ...batch.delete.flatMap(({ collection, key }) => worldChanges(collection, key)),
    ];
    const affected = new Map<Proxy, Map<string, Set<string> | 'all'>>();
    for (const watch of engine.apply(changes)) {
      const owner = owners.get(watch);
      if (!owner || !engine.refresh(watch)) continue;
      const types = affected.get(owner.proxy) ?? new Map<string, Set<string> | 'all'>();
      affected.set(owner.proxy, types);
      const names = types.get(owner.typeUrl);
      types.set(owner.typeUrl, owner.name === undefined || names === 'all' ? 'all' : (names ?? new Set<string>()).add(owner.name));
    }
    for (const [proxy, types] of affected) {
      pushes.add();
      proxy.push(types);
    }
    for (const collection of batch.complete) incomplete.delete(collection);
    if (incomplete.size === 0) ready.resolve(null);
    // Results that nobody reaches any more are let go when they could have doubled the memory.
    if (engine.stats.entries > 2 * entriesAfterCollect + 10_000) {
      engine.collect();
      entriesAfterCollect = engine.stats.entries;
    }
  }

  async function run(): Promise<void> {
    for await (const batch of subscriber.subscribe(collections, signal)) apply(batch);
  }

  const server = createAdsServer({
    protocol: xdsProtocol,
    observability,
    open: (node, push) => {
      if (incomplete.size > 0) throw new Error(`configuration is not complete yet (${[...incomplete].join(', ')}); try again`);
      const proxy = new Proxy(node, {
        engine, owners, push, observability,
        onClose: (closed) => {
          proxies.delete(closed);
          connected.set(proxies.size);
        },
      });
      proxies.add(proxy);
      connected.set(proxies.size);
      return proxy;
    },
  });
  return { run, ready: ready.promise, server, engine };
}
