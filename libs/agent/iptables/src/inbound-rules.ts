import type { RuleList } from './rule.ts';
import { split } from './iptables-settings.ts';
import type { IptablesSettings } from './iptables-settings.ts';

/** The mark of packets from the proxy to its application, in TPROXY mode. */
const outboundMark = '1338';

/** Inbound capture: everything but excluded ports, or the listed ports; by redirection or by TPROXY. */
export function addInboundRules(list: RuleList, settings: IptablesSettings): void {
  if (settings.inboundPorts === '') return;
  const tproxy = settings.interceptionMode === 'TPROXY';
  const table = tproxy ? 'mangle' : 'nat';
  if (tproxy) {
    list.add('mangle ISTIO_DIVERT', `-j MARK --set-mark ${settings.tproxyMark}`);
    list.add('mangle ISTIO_DIVERT', '-j ACCEPT');
    list.addPerFamily(
      'mangle ISTIO_TPROXY',
      ({ loopback }) =>
        `! -d ${loopback} -p tcp -j TPROXY --tproxy-mark ${settings.tproxyMark}/0xffffffff --on-port ${settings.inboundCapturePort}`,
    );
  }
  list.add(`${table} PREROUTING`, '-p tcp -j ISTIO_INBOUND', { topic: 'JumpInbound' });
  const all = settings.inboundPorts === '*';
  if (all) {
    for (const port of split(settings.inboundPortsExclude).filter(Boolean)) {
      list.add(`${table} ISTIO_INBOUND`, `-p tcp --dport ${port} -j RETURN`, { topic: 'ExcludeInboundPort' });
    }
  }
  const matches = all ? ['-p tcp'] : split(settings.inboundPorts).map((port) => `-p tcp --dport ${port}`);
  const logged = all ? {} : { topic: 'IncludeInboundPort' as const };
  for (const match of matches) {
    if (tproxy)
      list.add('mangle ISTIO_INBOUND', `${match} -m conntrack --ctstate RELATED,ESTABLISHED -j ISTIO_DIVERT`, logged);
    list.add(`${table} ISTIO_INBOUND`, `${match} -j ${tproxy ? 'ISTIO_TPROXY' : 'ISTIO_IN_REDIRECT'}`, logged);
  }
}

/** Marks that bring answers of transparently proxied connections back to the proxy. */
export function addTproxyMarks(list: RuleList, { tproxyMark: mark, proxyUid, proxyGid }: IptablesSettings): void {
  list.add('mangle PREROUTING', `-p tcp -m mark --mark ${mark} -j CONNMARK --save-mark`);
  list.add('mangle OUTPUT', `-p tcp -o lo -m mark --mark ${mark} -j RETURN`);
  const owners = [
    ...split(proxyUid).map((id) => `--uid-owner ${id}`),
    ...split(proxyGid).map((id) => `--gid-owner ${id}`),
  ];
  for (const owner of owners) {
    list.addPerFamily(
      'mangle OUTPUT',
      ({ loopback }) => `! -d ${loopback} -p tcp -o lo -m owner ${owner} -j MARK --set-mark ${outboundMark}`,
    );
  }
  list.add('mangle OUTPUT', `-p tcp -m connmark --mark ${mark} -j CONNMARK --restore-mark`);
  list.add('mangle ISTIO_INBOUND', `-p tcp -m mark --mark ${mark} -j RETURN`, { position: 1 });
  list.addPerFamily('mangle ISTIO_INBOUND', ({ passthrough }) => `-p tcp -s ${passthrough} -i lo -j RETURN`, {
    position: 2,
  });
  list.add('mangle ISTIO_INBOUND', `-p tcp -i lo -m mark ! --mark ${outboundMark} -j RETURN`, { position: 3 });
}
