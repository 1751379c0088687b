import type { Resource } from '@flotilla/model';
import { workloadOwnerOf } from '@flotilla/rules';

type Pod = Resource<'pods'>;

/** The name of the workload that a pod belongs to. */
export const workloadNameOf = ({ meta }: Pod): string => workloadOwnerOf(meta).name;

export const podIPs = ({ spec }: Pod): string[] => {
  const ips = (spec.status?.podIPs ?? []).flatMap(({ ip }) => (ip ? [ip] : []));
  return ips.length > 0 ? ips : spec.status?.podIP ? [spec.status.podIP] : [];
};

/**
 * `region/zone/subzone` from the pod's label `istio-locality` (with dots for slashes) or its node's topology labels.
 */
export function localityOf(pod: Pod | undefined, node: Resource<'nodes'> | undefined): string {
  const label = pod?.meta.labels?.['istio-locality'];
  if (label) return label.includes('/') ? label : label.replaceAll('.', '/');
  const labels = node?.meta.labels ?? {};
  const region = labels['topology.kubernetes.io/region'] ?? labels['failure-domain.beta.kubernetes.io/region'] ?? '';
  const zone = labels['topology.kubernetes.io/zone'] ?? labels['failure-domain.beta.kubernetes.io/zone'] ?? '';
  const subzone = labels['topology.istio.io/subzone'] ?? '';
  return region === '' && zone === '' && subzone === '' ? '' : `${region}/${zone}/${subzone}`;
}

/** The locality as far as it is given: `region`, `region/zone` or all three. */
export function localityParts(locality: string): { region: string; zone: string; subzone: string } {
  const [region = '', zone = '', ...rest] = locality.split('/');
  return { region, zone, subzone: rest.join('/') };
}

/** Istio's AugmentLabels: where a workload runs, as labels that subsets and failover priorities can name. */
export function augmentLabels(
  labels: Readonly<Record<string, string>>,
  where: { clusterId: string; locality: string; nodeName: string; network: string },
): Record<string, string> {
  const { region, zone, subzone } = localityParts(where.locality);
  const added: [string, string][] = [
    ['topology.kubernetes.io/region', region],
    ['topology.kubernetes.io/zone', zone],
    ['topology.istio.io/subzone', subzone],
    ['topology.istio.io/cluster', where.clusterId],
    ['kubernetes.io/hostname', where.nodeName],
  ];
  const out = { ...labels, ...Object.fromEntries(added.filter(([, value]) => value !== '')) };
  if (where.network !== '' && !out['topology.istio.io/network']) out['topology.istio.io/network'] = where.network;
  return out;
}
