import { err, ok } from '@flotilla/std';
import type { Result } from '@flotilla/std';
import { addDnsTcpRules, addDnsUdpRules } from './dns-rules.ts';
import { addInboundRules, addTproxyMarks } from './inbound-rules.ts';
import { separateRanges } from './ranges.ts';
import type { SeparatedRanges } from './ranges.ts';
import { RuleList } from './rule.ts';
import type { Rule } from './rule.ts';
import { split } from './iptables-settings.ts';
import type { IptablesSettings } from './iptables-settings.ts';

export interface BuiltRules {
  readonly rules: readonly Rule[];
  readonly problems: readonly string[];
}

/**
 * The rules that send a pod's traffic through its sidecar, in Istio 1.19's order (istio-iptables: capture.Run).
 * Without `ipv6` none is for IPv6. Fails for `-x '*'`. Bad ranges are skipped and come as problems.
 */
export function buildRules(settings: IptablesSettings): Result<BuiltRules> {
  const exclude = separateRanges(settings.outboundRangesExclude);
  if (exclude.v4.wildcard) return err('Invalid value for OUTBOUND_IP_RANGES_EXCLUDE');
  const include = separateRanges(settings.outboundRanges);
  const list = new RuleList(settings.traceLogging);

  // 1. What is never captured
  for (const name of split(settings.excludeInterfaces)) {
    list.add('nat PREROUTING', `-i ${name} -j RETURN`, { topic: 'ExcludeInterfaceCommand' });
    list.add('nat OUTPUT', `-o ${name} -j RETURN`, { topic: 'ExcludeInterfaceCommand' });
    if (settings.interceptionMode !== 'TPROXY') continue;
    list.add('mangle PREROUTING', `-i ${name} -j RETURN`, { topic: 'ExcludeInterfaceCommand' });
    list.add('mangle OUTPUT', `-o ${name} -j RETURN`, { topic: 'ExcludeInterfaceCommand' });
  }
  for (const name of split(settings.kubeVirtInterfaces))
    list.add('nat PREROUTING', `-i ${name} -j RETURN`, { position: 1, topic: 'KubevirtCommand' });
  if (settings.dropInvalid) list.add('mangle PREROUTING', '-m conntrack --ctstate INVALID -j DROP');

  // 2. Where captured connections go
  list.add('nat ISTIO_INBOUND', `-p tcp --dport ${settings.inboundTunnelPort} -j RETURN`);
  list.add('nat ISTIO_REDIRECT', `-p tcp -j REDIRECT --to-ports ${settings.proxyPort}`);
  list.add('nat ISTIO_IN_REDIRECT', `-p tcp -j REDIRECT --to-ports ${settings.inboundCapturePort}`, {
    topic: 'InboundCapture',
  });
  addInboundRules(list, settings);

  // 3. What leaves the pod
  list.add('nat OUTPUT', '-p tcp -j ISTIO_OUTPUT', { topic: 'JumpOutbound' });
  for (const port of split(settings.outboundPortsExclude))
    list.add('nat ISTIO_OUTPUT', `-p tcp --dport ${port} -j RETURN`);
  list.addPerFamily('nat ISTIO_OUTPUT', ({ passthrough }) => `-o lo -s ${passthrough} -j RETURN`);
  addProxyRules(list, settings, include.v4.loopback || include.v6.loopback);
  for (const match of ownerMatches(settings)) list.add('nat ISTIO_OUTPUT', `${match}-j RETURN`);
  if (settings.redirectDns) addDnsTcpRules(list, settings);
  list.addPerFamily('nat ISTIO_OUTPUT', ({ loopback }) => `-d ${loopback} -j RETURN`);
  for (const cidr of exclude.v4.cidrs) list.add('nat ISTIO_OUTPUT', `-d ${cidr} -j RETURN`, { family: 'v4' });
  for (const cidr of exclude.v6.cidrs) list.add('nat ISTIO_OUTPUT', `-d ${cidr} -j RETURN`, { family: 'v6' });
  for (const port of split(settings.outboundPorts))
    list.add('nat ISTIO_OUTPUT', `-p tcp --dport ${port} -j ISTIO_REDIRECT`);
  addIncludedRanges(list, settings, include);

  // 4. DNS over UDP, and marks
  if (settings.redirectDns) addDnsUdpRules(list, settings, ownerMatches(settings));
  if (settings.interceptionMode === 'TPROXY') addTproxyMarks(list, settings);

  const rules = settings.ipv6
    ? list.rules
    : list.rules.filter(({ family }) => family !== 'v6').map((rule): Rule => ({ ...rule, family: 'v4' }));
  return ok({ rules, problems: [...exclude.problems, ...include.problems] });
}

/**
 * The proxy's own traffic: to itself through the inbound listener, to others untouched; the application's to itself
 * untouched.
 */
function addProxyRules(
  list: RuleList,
  { proxyUid, proxyGid, inboundTunnelPort, redirectDns }: IptablesSettings,
  loopbackCaptured: boolean,
): void {
  const others = redirectDns ? '-p tcp ! --dport 53 ' : '';
  for (const [kind, ids] of [
    ['uid', split(proxyUid)],
    ['gid', split(proxyGid)],
  ] as const) {
    const except =
      redirectDns && kind === 'uid'
        ? `-m multiport ! --dports 53,${inboundTunnelPort}`
        : `! --dport ${inboundTunnelPort}`;
    for (const id of ids) {
      list.addPerFamily(
        'nat ISTIO_OUTPUT',
        ({ loopback }) => `-o lo ! -d ${loopback} -p tcp ${except} -m owner --${kind}-owner ${id} -j ISTIO_IN_REDIRECT`,
      );
      if (!loopbackCaptured) list.add('nat ISTIO_OUTPUT', `-o lo ${others}-m owner ! --${kind}-owner ${id} -j RETURN`);
      list.add('nat ISTIO_OUTPUT', `-m owner --${kind}-owner ${id} -j RETURN`);
    }
  }
}

/** Matches of what owner groups exempt: all but the listed groups, or each excluded one. */
export function ownerMatches({
  ownerGroups,
  ownerGroupsExclude,
}: Pick<IptablesSettings, 'ownerGroups' | 'ownerGroupsExclude'>): string[] {
  if (ownerGroups === '*') return split(ownerGroupsExclude).map((group) => `-m owner --gid-owner ${group} `);
  return [
    split(ownerGroups)
      .map((group) => `-m owner ! --gid-owner ${group} `)
      .join(''),
  ];
}

function addIncludedRanges(list: RuleList, settings: IptablesSettings, include: SeparatedRanges): void {
  const interfaces = split(settings.kubeVirtInterfaces);
  if (include.v4.wildcard) {
    list.add('nat ISTIO_OUTPUT', '-j ISTIO_REDIRECT');
    for (const name of interfaces)
      list.add('nat PREROUTING', `-i ${name} -j ISTIO_REDIRECT`, { position: 1, topic: 'KubevirtCommand' });
    return;
  }
  for (const family of ['v4', 'v6'] as const) {
    const { cidrs } = include[family];
    for (const cidr of cidrs) {
      for (const name of interfaces)
        list.add('nat PREROUTING', `-i ${name} -d ${cidr} -j ISTIO_REDIRECT`, {
          position: 1,
          family,
          topic: 'KubevirtCommand',
        });
      list.add('nat ISTIO_OUTPUT', `-d ${cidr} -j ISTIO_REDIRECT`, { family });
    }
    if (cidrs.length > 0) list.add('nat ISTIO_OUTPUT', '-j RETURN', { family });
  }
}
