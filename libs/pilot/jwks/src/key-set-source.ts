import type { KeySetKey, KeySetSource, OnKeySet, WantedKeySet } from '@flotilla/model';
import { createLimits, type Observability } from '@flotilla/observability-port';
import { createSlots, pause, systemClock, type Clock } from '@flotilla/std';
import { createAddressGuard } from './address-guard.ts';
import { fetchLimits, type FetchFailure } from './failure.ts';
import { fetchKeySet } from './fetch-key-set.ts';
import { FollowedKeySet, type Following } from './followed-key-set.ts';
import { createHostResolver, namesAt } from './resolver.ts';
import type { JwksOptions } from './jwks-settings.ts';
import { beyondLimit, describeProblem } from './problem.ts';
import { createRoots } from './roots.ts';
import { createHostSlots } from './slots.ts';
import { readSystemNames } from './system-names.ts';

export interface KeySetSourceOptions extends JwksOptions {
  readonly observability: Pick<Observability, 'log' | 'metrics'>;
  readonly clock?: Clock;
  /** Uniform from 0 to 1: spreads fetches. */
  readonly random?: () => number;
}

/**
 * Key sets over HTTP and HTTPS. Each is fetched when it is first wanted, then once per refresh interval, and after a
 * failure with a growing wait, while the last keys stay in force (for at most `jwksKeep`). The same keys in another
 * order or spelling are not a change.
 */
export function createKeySetSource(options: KeySetSourceOptions): KeySetSource {
  const { observability, clock = systemClock, random = Math.random, jwksBytes, jwksRedirects, jwksTimeout } = options;
  const { metrics } = observability;
  const skipsVerification = options.jwksInsecureSkipVerify;
  const log = observability.log.scope('model');
  const limitHit = createLimits(metrics, [...fetchLimits, 'jwks_key_sets']);
  const meters = createMeters(observability);
  const mayConnect = createAddressGuard({
    refused: options.jwksRefusedAddresses,
    allowed: options.jwksAllowedAddresses,
  });
  const { jwksNameServers: nameServers } = options;
  const names = nameServers.length > 0 ? () => namesAt(nameServers) : readSystemNames(clock);
  const resolver = createHostResolver({ names, mayConnect });
  const roots = createRoots({
    rootsFile: options.jwksRoots,
    extraRootsFile: options.jwksExtraRoots,
    onProblem: (message) => log.warn(message),
  });
  const [all, perHost] = [createSlots(options.jwksFetches), createHostSlots(options.jwksFetchesPerHost)];
  /** The timeout begins once there is a slot. */
  const fetch: Following['fetch'] = (key, { signal, isLast }) =>
    perHost.run(URL.parse(key.url)?.host ?? '', { isLast }, () =>
      all.run(
        () => {
          signal.throwIfAborted();
          const within = AbortSignal.any([signal, AbortSignal.timeout(jwksTimeout)]);
          const limits = { maxBytes: jwksBytes, maxRedirects: jwksRedirects };
          return fetchKeySet(key, { resolver, roots, skipsVerification, ...limits, signal: within });
        },
        { isLast },
      ),
    );
  let held = 0;
  /** Reserves room for a key set that replaces another; false when it does not fit. */
  const takesRoom = (before: number, after: number): boolean => {
    const isThere = after <= before || held - before + after <= options.jwksTotalBytes;
    if (isThere) held += after - before;
    return isThere;
  };
  const following = (onKeySet: OnKeySet, onState: () => void): Following => ({
    fetch,
    takesRoom,
    maxTotalBytes: options.jwksTotalBytes,
    onKeySet,
    clock,
    random,
    refreshMs: options.jwksRefreshInterval,
    maxBackoffMs: options.jwksMaxBackoff,
    keepMs: options.jwksKeep,
    onFetched: () => meters.fetched.add(1),
    onFailed: ({ limit }: FetchFailure) => {
      meters.failed.add(1);
      if (limit) limitHit(limit);
    },
    onState,
    log,
  });
  return {
    subscribe(onKeySet, signal) {
      const followed = new Map<KeySetKey, FollowedKeySet>();
      let beyond: readonly WantedKeySet[] = [];
      const links = following(onKeySet, () => meters.count(followed.values()));
      signal.addEventListener('abort', () => {
        for (const keySet of followed.values()) keySet.stop();
      });
      return {
        want(wanted) {
          if (signal.aborted) return;
          const now = new Map(wanted.map((one) => [one.key, one]));
          for (const [key, keySet] of followed) {
            if (now.has(key)) continue;
            followed.delete(key);
            keySet.forget();
          }
          for (const [key, { objects }] of now) followed.get(key)?.rename(objects);
          const others = wanted.filter(({ key }) => !followed.has(key));
          const room = Math.max(0, options.maxKeySets - followed.size);
          for (const one of others.slice(0, room)) followed.set(one.key, new FollowedKeySet(one, links));
          beyond = others.slice(room);
          if (beyond.length > 0) limitHit('jwks_key_sets');
          meters.count(followed.values());
        },
        async answered() {
          const answers = [...followed.values()].map((keySet) => keySet.answered);
          await Promise.race([Promise.all(answers), pause(options.jwksWait, signal, clock)]);
        },
        problems: () => [
          ...[...followed.values()].flatMap((keySet) => describeProblem(keySet) ?? []),
          ...beyond.slice(0, maxShown).map((wanted) => beyondLimit(wanted, options.maxKeySets)),
        ],
      };
    },
  };
}

/** How many of the key sets beyond the limit are named in problems. */
const maxShown = 100;

const states = ['current', 'outdated', 'missing'] as const;

/** The first two have Istio's names (pilot/pkg/model/jwks_resolver.go). */
function createMeters({ metrics }: Pick<Observability, 'metrics'>) {
  const held = metrics.gauge(
    'pilot_jwks_key_sets',
    'Key sets that configuration needs: with current keys, with outdated ones that cannot be fetched again, without keys.',
    { state: states },
  );
  return {
    fetched: metrics.counter(
      'pilot_jwks_resolver_network_fetch_success_total',
      'Total number of successfully network fetch by pilot jwks resolver',
    ),
    failed: metrics.counter(
      'pilot_jwks_resolver_network_fetch_fail_total',
      'Total number of failed network fetch by pilot jwks resolver',
    ),
    count(keySets: Iterable<FollowedKeySet>): void {
      const counts = { current: 0, outdated: 0, missing: 0 };
      for (const { state } of keySets) counts[state] += 1;
      for (const state of states) held.set(counts[state], { state });
    },
  };
}
