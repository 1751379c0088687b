import type { Rule, RuleList, RuleOptions } from './rule.ts';
import { split } from './iptables-settings.ts';
import type { IptablesSettings } from './iptables-settings.ts';

export type DnsSettings = Pick<
  IptablesSettings,
  'proxyUid' | 'proxyGid' | 'captureAllDns' | 'dnsServersV4' | 'dnsServersV6'
>;

const agentPort = 15053;

/** Where captured queries go: any server, or each of resolv.conf's by family. */
function destinations({
  captureAllDns,
  dnsServersV4,
  dnsServersV6,
}: DnsSettings): { match: string; family: Rule['family'] }[] {
  if (captureAllDns) return [{ match: '', family: 'both' }];
  return [
    ...dnsServersV4.map((server) => ({ match: `-d ${server}/32 `, family: 'v4' as const })),
    ...dnsServersV6.map((server) => ({ match: `-d ${server}/128 `, family: 'v6' as const })),
  ];
}

/** TCP queries go to the agent. */
export function addDnsTcpRules(list: RuleList, settings: DnsSettings): void {
  for (const { match, family } of destinations(settings))
    list.add('nat ISTIO_OUTPUT', `-p tcp --dport 53 ${match}-j REDIRECT --to-ports ${agentPort}`, { family });
}

/** UDP queries go to the agent, except its own; connection tracking zones keep the two apart. */
export function addDnsUdpRules(
  list: Pick<RuleList, 'add'>,
  settings: DnsSettings,
  ownerMatches: readonly string[],
): void {
  const owners = [
    ...split(settings.proxyUid).map((id) => `-m owner --uid-owner ${id} `),
    ...split(settings.proxyGid).map((id) => `-m owner --gid-owner ${id} `),
  ];
  for (const owner of [...owners, ...ownerMatches]) list.add('nat OUTPUT', `-p udp --dport 53 ${owner}-j RETURN`);
  for (const { match, family } of destinations(settings))
    list.add('nat OUTPUT', `-p udp --dport 53 ${match}-j REDIRECT --to-port ${agentPort}`, { family });
  for (const owner of owners) {
    list.add('raw OUTPUT', `-p udp --dport 53 ${owner}-j CT --zone 1`);
    list.add('raw OUTPUT', `-p udp --sport ${agentPort} ${owner}-j CT --zone 2`);
  }
  for (const { match, family } of destinations(settings)) {
    const options: RuleOptions = { family };
    list.add('raw OUTPUT', `-p udp --dport 53 ${match}-j CT --zone 2`, options);
    list.add('raw PREROUTING', `-p udp --sport 53 ${match}-j CT --zone 1`, options);
  }
}
