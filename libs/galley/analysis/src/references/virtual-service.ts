import { buildProblem, type Destination, type Problem, type VirtualService, type ObjectKey } from '@flotilla/model';
import { defineQuery } from '@flotilla/query';
import type { Check } from '../check.ts';
import { gatewayOf, hostOf } from '../store.ts';
import type { View } from '../view.ts';
import { hasSubset, isDelegate, isKnownHost, portsOf } from './hosts.ts';

/**
 * Names in VirtualServices that nothing bears: gateways, hosts, ports, subsets, delegates (Istio's
 * virtualservice.GatewayAnalyzer, DestinationHostAnalyzer and DestinationRuleAnalyzer).
 */
export const virtualServiceReferences: Check = {
  name: 'virtual-service-references',
  collection: 'virtual-services',
  query: defineQuery('virtual-service-references', (view: View, key: ObjectKey): readonly Problem[] => {
    const found = view.get('virtual-services', key);
    if (!found) return [];
    const { spec, meta } = found;
    return [...unknownGateways(view, spec, meta.namespace), ...unknownDestinations(view, spec, meta.namespace)];
  }),
};

const notFound = (path: string, reference: string, name: string): Problem =>
  buildProblem('ReferencedResourceNotFound', { reference, name }, path);

const unknownGateways = (view: View, { gateways = [] }: VirtualService, namespace: string): Problem[] =>
  gateways.flatMap((name, i) => {
    const key = gatewayOf(name, namespace);
    return key === undefined || view.index('gateways', 'key', key).length > 0
      ? []
      : [notFound(`spec.gateways[${i}]`, 'gateway', name)];
  });

function unknownDestinations(view: View, spec: VirtualService, namespace: string): Problem[] {
  const check = (path: string, destination: Destination | undefined): Problem[] =>
    destination ? unknownDestination(view, destination, { path, namespace, what: 'host' }) : [];
  const routes = (['http', 'tcp', 'tls'] as const).flatMap((kind) =>
    (spec[kind] ?? []).flatMap(({ route }, i) =>
      (route ?? []).flatMap(({ destination }, n) => check(`spec.${kind}[${i}].route[${n}].destination`, destination)),
    ),
  );
  const others = (spec.http ?? []).flatMap(({ mirror, delegate }, i): Problem[] => {
    const key = `${delegate?.namespace || namespace}/${delegate?.name ?? ''}`;
    return [
      ...(mirror
        ? unknownDestination(view, mirror, { path: `spec.http[${i}].mirror`, namespace, what: 'mirror' })
        : []),
      ...(delegate && !view.query(isDelegate, key) ? [notFound(`spec.http[${i}].delegate`, 'delegate', key)] : []),
    ];
  });
  return [...routes, ...others];
}

function unknownDestination(
  view: View,
  { host = '', subset = '', port }: Destination,
  { path, namespace, what }: { readonly path: string; readonly namespace: string; readonly what: 'host' | 'mirror' },
): Problem[] {
  const hostname = hostOf(view, host, namespace);
  if (!view.query(isKnownHost, hostname))
    return [notFound(`${path}.host`, what === 'host' ? what : 'mirror host', host)];
  const ports = port?.number ? view.query(portsOf, hostname) : undefined;
  return [
    ...(subset !== '' && !hasSubset(view, hostname, subset)
      ? [notFound(`${path}.subset`, `${what}+subset in destinationrule`, `${host}+${subset}`)]
      : []),
    ...(port?.number && ports && !ports.includes(port.number)
      ? [notFound(`${path}.port.number`, 'host:port', `${host}:${port.number}`)]
      : []),
  ];
}
