import { buildProblem, type ObjectKey, type Problem } from '@flotilla/model';
import { defineQuery } from '@flotilla/query';
import { isWildcard } from '@flotilla/rules';
import type { Check } from '../check.ts';
import { clusterDomain, hostOf, isForMesh } from '../store.ts';
import type { View } from '../view.ts';
import { isKnownHost } from './hosts.ts';

const unknownHost = (host: string, path: string): Problem => buildProblem('UnknownHost', { host }, path);

/**
 * Hosts that objects are for, and that no Service or ServiceEntry has. Istio says nothing of these: (1) a
 * DestinationRule for such a host, (2) a VirtualService for sidecars with such a host that only a Service of the
 * cluster could have. Other hosts of VirtualServices may be resolved elsewhere.
 */
export const unknownHosts: readonly Check[] = [
  {
    name: 'destination-rule-hosts',
    collection: 'destination-rules',
    query: defineQuery('destination-rule-hosts', (view: View, key: ObjectKey): readonly Problem[] => {
      const rule = view.get('destination-rules', key);
      const { host = '' } = rule?.spec ?? {};
      if (!rule || host === '' || isWildcard(host)) return [];
      return view.query(isKnownHost, hostOf(view, host, rule.meta.namespace)) ? [] : [unknownHost(host, 'spec.host')];
    }),
  },
  {
    name: 'virtual-service-hosts',
    collection: 'virtual-services',
    query: defineQuery('virtual-service-hosts', (view: View, key: ObjectKey): readonly Problem[] => {
      const service = view.get('virtual-services', key);
      if (!service || !isForMesh(service.spec)) return [];
      return (service.spec.hosts ?? []).flatMap((host, i) => {
        const meant = hostOf(view, host, service.meta.namespace);
        if (isWildcard(host) || !meant.endsWith(`.svc.${clusterDomain(view)}`) || view.query(isKnownHost, meant))
          return [];
        return [unknownHost(host, `spec.hosts[${i}]`)];
      });
    }),
  },
];
