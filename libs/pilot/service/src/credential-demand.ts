import type { CredentialSource, CredentialUpdate } from '@flotilla/model';
import { createLimits, type Observability } from '@flotilla/observability-port';
import { credentialReaders, credentials } from '@flotilla/pilot-world';
import type { Demand, Store } from '@flotilla/query';
import { createFairSet, type FairSet } from '@flotilla/std';

export interface CredentialDemandOptions {
  readonly store: Store;
  readonly source: CredentialSource | undefined;
  readonly observability: Observability;
  readonly maxNames: number;
  readonly signal: AbortSignal;
}
/** The credentials that pilot holds: those that current results read. */
export interface CredentialDemand {
  /** Updates of the names that are read; empty without a source. */
  readonly updates: AsyncIterable<CredentialUpdate>;
  /** Whether there is nothing of this name for now: the source has said so, or cannot be asked yet. */
  isAbsent(name: string): boolean;
  /** Whether the source has said that there is nothing of this name. */
  isMissing(name: string): boolean;
  /** Takes note of an update of the source. */
  note(update: CredentialUpdate): void;
}

/**
 * Subscribes to the credentials that results for connected proxies read, and to no others: a result reads one only
 * after secretAccess has allowed it, and the store holds none that no result reads. The same for the ServiceAccounts
 * about which results ask whether they may have any. Names beyond `maxNames` wait until another one is
 * released.
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
  const absent = new Set<string>();
  const onFull = (isFirst: boolean): void => {
    limitHit('credentials');
    if (isFirst)
      log.warn('gateways need more credentials than pilot may hold; the rest wait', {
        limit: maxNames,
        setting: '--max-credentials',
      });
  };
  const names = boundedDemand(maxNames, {
    follow: (name) => subscription?.add(name),
    drop: (name) => subscription?.drop(name),
    onFull,
  });
  const accounts = boundedDemand(maxNames, {
    follow: (account) => subscription?.addReader(account),
    drop: (account) => subscription?.dropReader(account),
    onFull,
  });
  store.onDemand(credentialReaders, accounts);
  store.onDemand(credentials, {
    read: names.read,
    left(key) {
      absent.delete(String(key));
      names.left(key);
    },
  });
  return {
    updates: subscription ?? nothing(),
    isAbsent: (name) => subscription === undefined || names.isWaiting(name) || absent.has(name),
    isMissing: (name) => absent.has(name),
    note({ put, delete: gone }) {
      for (const name of put.keys()) absent.delete(name);
      for (const name of gone) if (names.isHeld(name)) absent.add(name);
    },
  };
}

interface BoundedDemandOptions {
  follow(name: string): void;
  drop(name: string): void;
  /** Called when a name has to wait; `isFirst` when no other name was waiting. */
  onFull(isFirst: boolean): void;
}

/**
 * Follows what is read, with a limit of names at a time; the others wait. A namespace has no more names than are left
 * for all others: whoever runs a proxy decides how many names it requests.
 */
function boundedDemand(
  most: number,
  { follow, drop, onFull }: BoundedDemandOptions,
): Demand & Pick<FairSet, 'isHeld' | 'isWaiting'> {
  const followed = createFairSet({
    most,
    groupOf: (name) => name.slice(0, Math.max(name.indexOf('/'), 0)),
    hold: follow,
    release: drop,
  });
  return {
    isHeld: followed.isHeld,
    isWaiting: followed.isWaiting,
    read(key) {
      if (!followed.add(String(key))) onFull(followed.waitingCount === 1);
    },
    left: (key) => followed.delete(String(key)),
  };
}

async function* nothing(): AsyncGenerator<CredentialUpdate> {
  /* Nobody to ask. */
}
