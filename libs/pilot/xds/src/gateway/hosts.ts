import { compareText } from '@flotilla/std';
import type { Server } from '@flotilla/model';
import { hostSubsetOf } from '@flotilla/pilot-registry';

/** Hosts of a merged server without their namespaces, sorted. */
export const hostsOf = ({ hosts }: Pick<Server, 'hosts'>): string[] =>
  [...new Set((hosts ?? []).map((host) => host.slice(host.indexOf('/') + 1)))].sort(compareText);

/** Hosts of a merged server that VirtualServices of a namespace may use (Istio's host.NamesForNamespace). */
export const serverHosts = ({ hosts }: Pick<Server, 'hosts'>, namespace: string): string[] =>
  (hosts ?? []).flatMap((entry) => {
    const slash = entry.indexOf('/');
    return slash < 0 || entry.slice(0, slash) === namespace ? [entry.slice(slash + 1)] : [];
  });

/** The hosts that both name: of each pair the more specific (Istio's host.Names.Intersection). */
export const intersection = (a: readonly string[], b: readonly string[]): string[] => [
  ...new Set(a.flatMap((x) => b.flatMap((y) => (hostSubsetOf(x, y) ? [x] : hostSubsetOf(y, x) ? [y] : [])))),
];
