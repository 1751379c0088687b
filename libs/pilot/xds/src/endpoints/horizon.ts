import { u32 } from '@flotilla/proto-gen/envoy';
import { gatewaysTo, networkGateways, type NetworkGateway, type View } from '@flotilla/pilot-world';
import { gatewayMember, weightOf, type Member } from './member.ts';

const heaviest = 2 ** 32 - 1;

/**
 * The networks whose endpoints a proxy has asked to see, with those that belong to none; undefined for all (Istio's
 * ProxyView).
 */
function visibleNetworks(view: View): ReadonlySet<string> | undefined {
  const asked = view.meta('REQUESTED_NETWORK_VIEW');
  return typeof asked === 'string' && asked !== '' ? new Set(['', ...asked.split(',')]) : undefined;
}

export function isVisible(view: View): (network: string) => boolean {
  const visible = visibleNetworks(view);
  return (network) => visible === undefined || visible.has(network);
}

const hasIp = ({ lb }: Member): boolean => Boolean(lb.endpoint?.address?.socketAddress?.address);
/** Of a workload whose network is all that is known, Envoy cannot be told where it is. */
const hasAddress = (member: Member): boolean => hasIp(member) || Boolean(member.lb.endpoint?.address?.pipe?.path);

/**
 * What a proxy of one network sees of endpoints in several (Istio's EndpointsByNetworkFilter, "split horizon EDS"):
 * those of other networks through their gateways, each gateway once with the weight of everything that it replaces.
 * Only mTLS gets through a gateway; an endpoint without it is out of reach. So is one without an IP address that no
 * gateway leads to, which sockets are too as soon as there are gateways.
 */
export function acrossNetworks(view: View, members: readonly Member[]): readonly Member[] {
  const gateways = view.query(networkGateways, '');
  if (gateways.byNetwork.size === 0) return members.filter(hasAddress);
  const [own, sees] = [view.attr('network'), isVisible(view)];
  const behind = new Map<NetworkGateway, number>();
  const direct = members
    .filter(({ network }) => sees(network))
    .flatMap((member) => {
      const weight = Math.min(weightOf(member) * gateways.scale, heaviest);
      const through = gatewaysTo(gateways, member);
      if (own === '' || member.network === '' || member.network === own || through.length === 0)
        return !hasIp(member) ? [] : [{ ...member, lb: { ...member.lb, loadBalancingWeight: u32(weight) } }];
      if (member.mtls)
        for (const gateway of through)
          behind.set(gateway, (behind.get(gateway) ?? 0) + Math.floor(weight / through.length));
      return [];
    });
  return [
    ...direct,
    ...[...behind].map(([gateway, weight]) => gatewayMember(gateway, Math.max(weight, 1), view.attr('clusterId'))),
  ];
}
