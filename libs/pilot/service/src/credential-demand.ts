import type { CredentialSource, CredentialUpdate } from '@flotilla/model';
import { createLimits, type Observability } from '@flotilla/observability-port';
import { credentials as collection } from '@flotilla/pilot-world';
import type { Store } from '@flotilla/query';

export interface CredentialDemandOptions {
  readonly store: Store;
  readonly source: CredentialSource | undefined;
  readonly observability: Observability;
  readonly maxNames: number;
  readonly signal: AbortSignal;
}
/** The credentials that pilot has: those that what it serves reads. */
export interface CredentialDemand {
  /** Updates of the names that are read; empty without a source. */
  readonly updates: AsyncIterable<CredentialUpdate>;
  /** Has the source said that there is nothing of this name, or can't it be asked? */
  isAbsent(name: string): boolean;
  /** Takes note of what the source said. */
  note(update: CredentialUpdate): void;
}

/**
 * Subscribes to the credentials that results for connected proxies read, and to no others: a result reads one only
 * after secretAccess has allowed it, and the store holds none that no result reads. What comes beyond `maxNames` waits
 * until one of the others is let go.
 */
export function followDemand({
  store,
  source,
  observability,
  maxNames,
  signal,
}: CredentialDemandOptions): CredentialDemand {
  const limitHit = createLimits(observability.metrics, ['credentials']);
  const log = observability.log.scope('ads');
  const subscription = source?.subscribe(signal);
  const followed = new Set<string>();
  const waiting = new Set<string>();
  const absent = new Set<string>();
  const follow = (name: string): void => {
    followed.add(name);
    subscription?.add(name);
  };
  store.onDemand(collection, {
    read(key) {
      const name = String(key);
      if (followed.size < maxNames) return follow(name);
      waiting.add(name);
      limitHit('credentials');
      if (waiting.size === 1)
        log.warn('gateways need more credentials than pilot may hold; the rest wait', {
          limit: maxNames,
          setting: '--max-credentials',
        });
    },
    left(key) {
      const name = String(key);
      absent.delete(name);
      if (waiting.delete(name) || !followed.delete(name)) return;
      subscription?.drop(name);
      const [next] = waiting;
      if (next === undefined) return;
      waiting.delete(next);
      follow(next);
    },
  });
  return {
    updates: subscription ?? nothing(),
    isAbsent: (name) => subscription === undefined || waiting.has(name) || absent.has(name),
    note({ put, delete: gone }) {
      for (const name of put.keys()) absent.delete(name);
      for (const name of gone) if (followed.has(name)) absent.add(name);
    },
  };
}

async function* nothing(): AsyncGenerator<CredentialUpdate> {
  /* Nobody to ask. */
}
