import { groupBy } from '@flotilla/std';
import type { TrafficPolicy } from '@flotilla/model';
import { keepsSessions, localityParts, type Endpoint, type Service } from '@flotilla/pilot-registry';
import { isClusterLocal, podOfProxy, type View } from '@flotilla/pilot-world';
import { u32 } from '@flotilla/proto-gen/envoy';
import { labelsMatch } from '@flotilla/rules';
import { acrossNetworks, isVisible } from './horizon.ts';
import { localityMessage, type LocalityGroup } from './locality.ts';
import { dnsMember, edsMember, isDraining, weightOf, type TlsMode } from './member.ts';

/** internalTrafficPolicy Local: only what runs on the client's own node, in its cluster. */
function onNodeOf(view: View): (endpoint: Endpoint) => boolean {
  const pod = view.query(podOfProxy, '');
  const node = view.meta('NODE_NAME') || (pod === undefined ? '' : (view.get('pods', pod)?.spec.nodeName ?? ''));
  return ({ nodeName, clusterId }) => nodeName === node && inClusterOf(view, clusterId);
}

const inClusterOf = (view: View, clusterId: string): boolean =>
  view.attr('clusterId') === '' || view.attr('clusterId') === clusterId;

export interface AssignmentOf {
  readonly labels: Readonly<Record<string, string>>;
  readonly policy?: TrafficPolicy | undefined;
  /** The rule's TLS for EDS; a cluster that Envoy resolves by DNS gets its endpoints as they are. */
  readonly tls?: TlsMode | undefined;
  readonly dns?: boolean;
  /** For a gateway that passes TLS through: endpoints that don't speak mTLS are left out. */
  readonly mtlsOnly?: boolean;
  /** Only the first endpoint: Envoy refuses a LOGICAL_DNS cluster with more. */
  readonly single?: boolean;
  /** Only endpoints on the client's own node. */
  readonly nodeLocal?: boolean | undefined;
  /** Only endpoints in the client's own cluster. */
  readonly clusterLocal?: boolean;
  /** Draining endpoints too, because the service keeps sessions. */
  readonly sticky?: boolean;
  /** Where the client is, for those who know it already. */
  readonly locality?: string;
}

/** Which endpoints a client may see, as far as the service says. */
export const restrictions = (
  view: View,
  { hostname, labels, k8s }: Pick<Service, 'hostname' | 'labels' | 'k8s'>,
): { readonly nodeLocal: boolean; readonly clusterLocal: boolean; readonly sticky: boolean } => ({
  nodeLocal: k8s.nodeLocal === true,
  clusterLocal: isClusterLocal(view, hostname),
  sticky: keepsSessions({ labels }),
});

/** Endpoints by locality, those of a subset only, as far as the client may see them. */
export function shownEndpoints(
  view: View,
  endpoints: readonly Endpoint[],
  of: AssignmentOf,
): ReadonlyMap<string, readonly Endpoint[]> {
  const isNear = of.nodeLocal && !of.dns ? onNodeOf(view) : undefined;
  const all = endpoints.filter(
    (endpoint) =>
      labelsMatch(of.labels, endpoint.labels) &&
      (!isNear || isNear(endpoint)) &&
      (of.dns || of.sticky || !isDraining(endpoint)) &&
      (endpoint.address !== '' || (!of.dns && endpoint.network !== view.attr('network'))),
  );
  const seen = all.length > 0 && of.clusterLocal ? all.filter(({ clusterId }) => inClusterOf(view, clusterId)) : all;
  const sees = of.dns ? isVisible(view) : undefined;
  const visible = sees ? seen.filter(({ network }) => sees(network)) : seen;
  const shown = of.single ? visible.slice(0, 1) : visible;
  return new Map([...groupBy(shown, ({ locality }) => locality)].sort(([a], [b]) => (a < b ? -1 : 1)));
}

export function buildGroup(
  view: View,
  of: AssignmentOf,
  { locality, found }: { readonly locality: string; readonly found: readonly Endpoint[] },
): LocalityGroup {
  const { region, zone, subzone } = localityParts(locality);
  const reached = of.dns
    ? found.map(dnsMember)
    : acrossNetworks(
        view,
        found.map((endpoint) => edsMember(view, endpoint, of.tls)),
      );
  const members = of.mtlsOnly ? reached.filter(({ mtls }) => mtls) : reached;
  const weight = Math.min(
    members.reduce((sum, member) => sum + weightOf(member), 0),
    2 ** 32 - 1,
  );
  return {
    endpoints: {
      locality: localityMessage(region, zone, subzone),
      lbEndpoints: members.map(({ lb }) => lb),
      ...(members.length > 0 ? { loadBalancingWeight: u32(weight) } : {}),
    },
    labels: members.map(({ labels }) => labels),
  };
}
