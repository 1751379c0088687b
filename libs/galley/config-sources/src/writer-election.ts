import { openElection, processIdentity, type OpenElection } from '@flotilla/kube-election';
import type { KubeApi } from '@flotilla/kube-port';
import type { Logger, Metrics } from '@flotilla/observability-port';
import { nameOfRevision } from '@flotilla/rules';
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
  return openElection({
    api: cluster,
    namespace: installation.systemNamespace,
    name: nameOfRevision('galley', revision),
    identity: processIdentity(kubeconfig),
    log: log.scope('election'),
    metrics,
  });
}
