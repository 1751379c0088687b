import type { IptablesSettings } from './iptables-settings.ts';

const shown = [
  'ENVOY_PORT',
  'INBOUND_CAPTURE_PORT',
  'ISTIO_INBOUND_INTERCEPTION_MODE',
  'ISTIO_INBOUND_TPROXY_ROUTE_TABLE',
  'ISTIO_INBOUND_PORTS',
  'ISTIO_OUTBOUND_PORTS',
  'ISTIO_LOCAL_EXCLUDE_PORTS',
  'ISTIO_EXCLUDE_INTERFACES',
  'ISTIO_SERVICE_CIDR',
  'ISTIO_SERVICE_EXCLUDE_CIDR',
  'ISTIO_META_DNS_CAPTURE',
  'INVALID_DROP',
];

/** The environment as istio-iptables logs it. */
export const describeEnvironment = (env: Readonly<Record<string, string | undefined>>): string =>
  `Istio iptables environment:\n${shown.map((name) => `${name}=${env[name] ?? ''}\n`).join('')}`;

/** The settings as istio-iptables logs them. */
export function describeSettings(settings: IptablesSettings): string {
  const values: [string, string | boolean][] = [
    ['PROXY_PORT', settings.proxyPort],
    ['PROXY_INBOUND_CAPTURE_PORT', settings.inboundCapturePort],
    ['PROXY_TUNNEL_PORT', settings.inboundTunnelPort],
    ['PROXY_UID', settings.proxyUid],
    ['PROXY_GID', settings.proxyGid],
    ['INBOUND_INTERCEPTION_MODE', settings.interceptionMode],
    ['INBOUND_TPROXY_MARK', settings.tproxyMark],
    ['INBOUND_TPROXY_ROUTE_TABLE', settings.tproxyRouteTable],
    ['INBOUND_PORTS_INCLUDE', settings.inboundPorts],
    ['INBOUND_PORTS_EXCLUDE', settings.inboundPortsExclude],
    ['OUTBOUND_OWNER_GROUPS_INCLUDE', settings.ownerGroups],
    ['OUTBOUND_OWNER_GROUPS_EXCLUDE', settings.ownerGroupsExclude],
    ['OUTBOUND_IP_RANGES_INCLUDE', settings.outboundRanges],
    ['OUTBOUND_IP_RANGES_EXCLUDE', settings.outboundRangesExclude],
    ['OUTBOUND_PORTS_INCLUDE', settings.outboundPorts],
    ['OUTBOUND_PORTS_EXCLUDE', settings.outboundPortsExclude],
    ['KUBE_VIRT_INTERFACES', settings.kubeVirtInterfaces],
    ['ENABLE_INBOUND_IPV6', settings.ipv6],
    ['DNS_CAPTURE', settings.redirectDns],
    ['DROP_INVALID', settings.dropInvalid],
    ['CAPTURE_ALL_DNS', settings.captureAllDns],
    ['DNS_SERVERS', `[${settings.dnsServersV4.join(' ')}],[${settings.dnsServersV6.join(' ')}]`],
    ['NETWORK_NAMESPACE', settings.networkNamespace],
    ['CNI_MODE', settings.cniMode],
    ['HOST_NSENTER_EXEC', false],
    ['EXCLUDE_INTERFACES', settings.excludeInterfaces],
  ];
  return `Istio iptables variables:\n${values.map(([name, value]) => `${name}=${value}\n`).join('')}`;
}
