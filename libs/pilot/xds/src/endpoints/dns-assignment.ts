import { instancesKeyOf, type Service, type ServicePort } from '@flotilla/pilot-registry';
import { instancesOfPort, type View } from '@flotilla/pilot-world';
import type { envoy } from '@flotilla/proto-gen/envoy';
import { assignmentMessage } from './assignment-message.ts';
import { buildGroup, restrictions, shownEndpoints, type AssignmentOf } from './endpoint-group.ts';
import { near } from './near.ts';

type IClusterLoadAssignment = envoy.config.endpoint.v3.IClusterLoadAssignment;

interface DnsAssignment extends Pick<AssignmentOf, 'labels' | 'policy' | 'locality'> {
  readonly name: string;
  readonly service: Pick<Service, 'hostname' | 'namespace' | 'labels' | 'k8s' | 'resolution'>;
  readonly port: Pick<ServicePort, 'name' | 'port'>;
}
/** The load assignment that is part of a cluster which Envoy resolves by DNS. */
export function buildDnsAssignment(
  view: View,
  { name, service, port, ...rest }: DnsAssignment,
): IClusterLoadAssignment {
  const single = service.resolution === 'DNSRoundRobinLB';
  const of = { ...rest, ...restrictions(view, service), dns: true, single };
  const shown = shownEndpoints(view, view.query(instancesOfPort, instancesKeyOf(service, port)), of);
  const groups = [...shown].map(([locality, found]) => buildGroup(view, of, { locality, found }));
  return assignmentMessage(name, near(view, groups, of));
}
