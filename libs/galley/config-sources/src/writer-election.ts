import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { openElection, type OpenElection } from '@flotilla/kube-election';
import type { KubeApi } from '@flotilla/kube-port';
import type { Logger, Metrics } from '@flotilla/observability-port';
import type { SourceOptions } from './config-sources.ts';

export interface WriterElectionParts {
  readonly cluster: KubeApi | undefined;
  readonly log: Logger;
  readonly metrics: Metrics;
}

/**
 * Elects the galley that writes, by the Lease `galley` of the system namespace (`galley-REVISION` of another revision);
 * undefined where no cluster is a source, since galleys that read files need none.
 */
export function openWriterElection(
  { installation, revision, kubeconfig }: Pick<SourceOptions, 'installation' | 'revision' | 'kubeconfig'>,
  { cluster, log, metrics }: WriterElectionParts,
): OpenElection | undefined {
  if (!cluster) return undefined;
  // In a pod the host's name is the pod's, which no other process has at the same time.
  const identity = kubeconfig === undefined ? hostname() : `${hostname()}-${randomBytes(4).toString('hex')}`;
  return openElection({
    api: cluster,
    namespace: installation.systemNamespace,
    name: revision === 'default' || revision === '' ? 'galley' : `galley-${revision}`,
    identity,
    log: log.scope('election'),
    metrics,
  });
}
