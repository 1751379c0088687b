import { canListenOn, inboundPorts, setting, worldQuery, type InboundPort, type View } from '@flotilla/pilot-world';
import { bool, duration, envoy } from '@flotilla/proto-gen/envoy';
import { defineKey, member, type KeyOf } from '@flotilla/query';
import { portMtls, workloadMtls } from '../authn/mtls-mode.ts';
import { finish } from '../finish/finish.ts';
import { filterChainsField, gatherParts, part, type Parts } from '../finish/parts.ts';
import { listOf, namingQuery } from '../members.ts';
import { sameResource, type XdsResource } from '../resource.ts';
import { accessLogFor } from '../telemetry/access-log.ts';
import { wildcard } from './addresses.ts';
import { connectionBalance } from './balance.ts';
import { buildInboundChain, planBlackhole, planPassthrough, planPort, type PlannedChain } from './inbound-chains.ts';
import { buildInspectors, originalDst, originalSrc } from './inspectors.ts';

type IFilterChain = envoy.config.listener.v3.IFilterChain;
const { INBOUND } = envoy.config.core.v3.TrafficDirection;

/** The chains of an inbound listener by their ids, in order. Key: its name. */
const inboundPlan = worldQuery('inbound-plan', (view, listener): ReadonlyMap<string, PlannedChain> => {
  const mtls = workloadMtls(view, view.attr('namespace'), view.attr('labels'));
  const planned = listener === 'virtualInbound' ? planVirtual(view, mtls) : planBound(view, listener, mtls);
  return new Map(planned.map((chain) => [chain.id, chain]));
});
type WorkloadMtls = ReturnType<typeof workloadMtls>;

function planVirtual(view: View, mtls: WorkloadMtls): PlannedChain[] {
  const ports = view.query(inboundPorts, '');
  const declared = new Set(ports.map(({ number }) => number));
  const versions = [
    ...(view.attr('supportsIPv4') ? [4 as const] : []),
    ...(view.attr('supportsIPv6') ? [6 as const] : []),
  ];
  const ownPorts = [...mtls.ports].filter(([number]) => !declared.has(number)).sort(([a], [b]) => a - b);
  return [
    planBlackhole(setting(view, 'proxyInboundListenPort') ?? 15006),
    ...versions.flatMap((version) => [
      ...planPassthrough(view, version, { mode: mtls.mode }),
      ...ownPorts.flatMap(([port, mode]) => planPassthrough(view, version, { port, mode })),
    ]),
    ...ports
      .filter(({ ingress }) => !ingress?.bound)
      .flatMap((inbound) => planPort(view, inbound, portMtls(mtls, inbound.number))),
  ];
}

function planBound(view: View, listener: string, mtls: WorkloadMtls): PlannedChain[] {
  const inbound = boundPorts(view).find((port) => boundName(port) === listener);
  return inbound ? planPort(view, inbound, portMtls(mtls, inbound.number)) : [];
}

const inboundChainKey = defineKey<{ readonly id: string; readonly listener: string }>()('id', 'listener');
/** One chain of an inbound listener. */
const inboundChain = worldQuery(
  'inbound-chain',
  (view, { id, listener }: KeyOf<typeof inboundChainKey>): IFilterChain | undefined => {
    const planned = view.query(inboundPlan, listener).get(id);
    return planned && buildInboundChain(view, planned);
  },
);

/** The chains of an inbound listener that can be built, and the inspectors that all of them need. */
function chainsOf(
  view: View,
  listener: string,
): { parts: Parts; values: readonly IFilterChain[]; inspectors: ReturnType<typeof buildInspectors> } {
  const planned = [...view.query(inboundPlan, listener).values()];
  const asked = planned.map(({ id }) => part(id, inboundChain, inboundChainKey({ id, listener })));
  const inspectors = buildInspectors(planned.map(({ match }) => ({ filterChainMatch: match })));
  return { ...gatherParts(view, filterChainsField, asked), inspectors };
}

/**
 * The listener that iptables sends all inbound connections to (Istio's virtualInbound).
 */
const virtualInbound = worldQuery(
  'virtual-inbound',
  (view): XdsResource => {
    const port = setting(view, 'proxyInboundListenPort') ?? 15006;
    const { parts, values, inspectors } = chainsOf(view, 'virtualInbound');
    const tproxy = view.attr('interceptionMode') === 'TPROXY';
    const listener: envoy.config.listener.v3.IListener = {
      name: 'virtualInbound',
      address: { socketAddress: { address: wildcard(view), portValue: port } },
      filterChains: [...values],
      listenerFilters: [originalDst, ...(tproxy ? [originalSrc] : []), ...inspectors],
      listenerFiltersTimeout: duration(setting(view, 'protocolDetectionTimeout') ?? 0),
      continueOnListenerFiltersTimeout: true,
      ...accessLogFor(view, 'SERVER', 'listener'),
      trafficDirection: INBOUND,
      ...connectionBalance(view, 'INBOUND'),
      ...(tproxy ? { transparent: bool(true) } : {}),
    };
    return { ...finish(view, { kind: 'lds', name: 'virtualInbound', message: listener }), parts };
  },
  { equals: sameResource },
);

/** A listener of a port that the Sidecar binds itself, beside what iptables captures. Key: its name. */
const boundInbound = worldQuery(
  'bound-inbound',
  (view, name): XdsResource | undefined => {
    const inbound = boundPorts(view).find((port) => boundName(port) === name);
    if (!inbound) return undefined;
    const { parts, values, inspectors } = chainsOf(view, name);
    const listener: envoy.config.listener.v3.IListener = {
      name,
      address: { socketAddress: { address: inbound.ingress?.address ?? '', portValue: inbound.number } },
      filterChains: [...values],
      ...(inspectors.length > 0 ? { listenerFilters: inspectors } : {}),
      listenerFiltersTimeout: duration(setting(view, 'protocolDetectionTimeout') ?? 0),
      continueOnListenerFiltersTimeout: true,
      ...accessLogFor(view, 'SERVER', 'listener'),
      trafficDirection: INBOUND,
      ...connectionBalance(view, 'INBOUND'),
    };
    return { ...finish(view, { kind: 'lds', name, message: listener }), parts };
  },
  { equals: sameResource },
);

const boundPorts = (view: View): readonly InboundPort[] =>
  view.query(inboundPorts, '').filter(({ number, ingress }) => ingress?.bound && canListenOn(view, number));
const boundName = ({ number, ingress }: InboundPort): string => `${ingress?.address}_${number}`;

/** A sidecar's inbound listeners. */
export const inboundListeners = namingQuery('inbound-listeners', (view) => {
  if (view.attr('type') !== 'sidecar') return listOf([]);
  return listOf([
    ...(view.attr('interceptionMode') === 'NONE' ? [] : [member(virtualInbound, '', { name: 'virtualInbound' })]),
    ...boundPorts(view)
      .map(boundName)
      .map((name) => member(boundInbound, name, { name })),
  ]);
});
