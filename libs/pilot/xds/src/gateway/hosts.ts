import { compareText } from '@flotilla/std';
import type { Server } from '@flotilla/model';

/** Hosts of a merged server without their namespaces, sorted. */
export const hostsOf = ({ hosts }: Pick<Server, 'hosts'>): string[] =>
  [...new Set((hosts ?? []).map((host) => host.slice(host.indexOf('/') + 1)))].sort(compareText);

/** Hosts of a merged server that VirtualServices of a namespace may use (Istio's host.NamesForNamespace). */
export const serverHosts = ({ hosts }: Pick<Server, 'hosts'>, namespace: string): string[] =>
  (hosts ?? []).flatMap((entry) => {
    const slash = entry.indexOf('/');
    return slash < 0 || entry.slice(0, slash) === namespace ? [entry.slice(slash + 1)] : [];
  });
