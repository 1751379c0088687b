import type { Pod } from '../cluster/pod.ts';
import { accessLog } from './access-log.ts';

export interface PeerReport {
  /** Requests that both proxies logged. */
  readonly pairs: number;
  /** Of these, where each proxy saw the identity of the other. */
  readonly verified: number;
  /** Requests that a proxy took in without seeing an identity. */
  readonly anonymous: number;
  /** `client identity → server identity`, with how often. */
  readonly edges: ReadonlyMap<string, number>;
}

const identityOf = ({ object: { metadata, spec } }: Pod): string =>
  `spiffe://cluster.local/ns/${metadata.namespace}/sa/${spec.serviceAccountName ?? 'default'}`;

/**
 * What proxies say of each other in their access logs. A request has one id at both ends: the client's proxy logs the
 * certificate that its server showed, the server's the one that its client showed.
 */
export function comparePeers(pods: readonly Pod[]): PeerReport {
  const sent = new Map<string, { by: string; to: string | null }>();
  const received: { id: string; by: string; from: string | null }[] = [];
  for (const pod of pods) {
    const by = identityOf(pod);
    for (const { id, cluster, client, server } of accessLog(pod)) {
      if (id === null || cluster === null) continue;
      if (cluster.startsWith('inbound|')) received.push({ id, by, from: client });
      else if (cluster.startsWith('outbound|')) sent.set(id, { by, to: server });
    }
  }
  const report = { pairs: 0, verified: 0, anonymous: 0, edges: new Map<string, number>() };
  for (const { id, by, from } of received) {
    if (from === null) report.anonymous += 1;
    const other = sent.get(id);
    if (!other) continue;
    report.pairs += 1;
    if (other.to === by && other.by === from) report.verified += 1;
    const edge = `${from} → ${other.to}`;
    report.edges.set(edge, (report.edges.get(edge) ?? 0) + 1);
  }
  return report;
}

/** Every request that both proxies logged showed each the identity of the other, and none came in without one. */
export const isVerified = ({ pairs, verified, anonymous }: PeerReport): boolean =>
  pairs > 0 && verified === pairs && anonymous === 0;
