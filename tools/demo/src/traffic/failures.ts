import type { Pod } from '../cluster/pod.ts';
import { accessLog, type LogLine } from './access-log.ts';

/** Requests that one proxy ended in the same way. */
export interface Failure {
  readonly pod: string;
  readonly status: number;
  readonly flags: string;
  readonly details: string;
  readonly cluster: string;
  readonly path: string;
  readonly count: number;
}

/** Envoy's own failures, by its flag or status: not an application's 404, nor an injected fault. */
const isFailure = ({ status, flags }: LogLine): boolean => ((status ?? 0) >= 500 || status === 0) && flags !== 'FI';

/**
 * Why requests failed, as the proxies of these pods logged it: most frequent first. A retry that succeeded shows at the
 * server's proxy alone.
 */
export function findFailures(pods: readonly Pod[]): Failure[] {
  const found = new Map<string, Failure>();
  for (const pod of pods) {
    for (const line of accessLog(pod)) {
      if (!isFailure(line)) continue;
      const failure = {
        pod: pod.object.metadata.name ?? '',
        status: line.status ?? 0,
        flags: line.flags ?? '',
        details: line.details ?? '',
        cluster: line.cluster ?? '',
        path: line.path ?? '',
      };
      const key = JSON.stringify(failure);
      found.set(key, { ...failure, count: (found.get(key)?.count ?? 0) + 1 });
    }
  }
  return [...found.values()].sort((a, b) => b.count - a.count);
}

/** `503 NC cluster_not_found 98 times at storefront-v1: / to outbound|8081||orders` */
export const describeFailure = ({ pod, status, flags, details, cluster, path, count }: Failure): string =>
  `${[status, flags, details].filter((part) => part !== '').join(' ')} ${count === 1 ? 'once' : `${count} times`} at ${pod}: ${path}${cluster === '' ? '' : ` to ${cluster}`}`;
