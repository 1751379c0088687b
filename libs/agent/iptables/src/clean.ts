import { addDnsUdpRules } from './dns-rules.ts';
import { RuleList } from './rule.ts';
import { ownerMatches } from './rules.ts';
import type { IptablesSettings } from './iptables-settings.ts';

/**
 * The commands of istio-clean-iptables, first IPv4's, then IPv6's. Each may fail: what was never made can't be removed.
 * A DNS rule of both families is removed twice in each, as Istio 1.19 does.
 */
export function buildCleanCommands(settings: IptablesSettings): string[] {
  const dns = new RuleList(false);
  if (settings.redirectDns) addDnsUdpRules(dns, settings, ownerMatches(settings));
  const deletions = [
    '-t nat -D PREROUTING -p tcp -j ISTIO_INBOUND',
    '-t mangle -D PREROUTING -p tcp -j ISTIO_INBOUND',
    '-t nat -D OUTPUT -p tcp -j ISTIO_OUTPUT',
    ...dns.rules.flatMap(({ table, chain, params, family }) => {
      const deletion = `-t ${table} -D ${chain} ${params.join(' ')}`;
      return family === 'both' ? [deletion, deletion] : [deletion];
    }),
    ...[
      'nat ISTIO_OUTPUT',
      'nat ISTIO_INBOUND',
      'mangle ISTIO_INBOUND',
      'mangle ISTIO_DIVERT',
      'mangle ISTIO_TPROXY',
      'nat ISTIO_REDIRECT',
      'nat ISTIO_IN_REDIRECT',
    ].flatMap((place) => {
      const [table, chain] = place.split(' ');
      return [`-t ${table} -F ${chain}`, `-t ${table} -X ${chain}`];
    }),
  ];
  return ['iptables', 'ip6tables'].flatMap((command) => deletions.map((deletion) => `${command} ${deletion}`));
}
