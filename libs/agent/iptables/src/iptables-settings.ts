import { err, ok } from '@flotilla/std';
import type { Result } from '@flotilla/std';
import { isTrue } from '@flotilla/rules';

/** The settings of `pilot-agent istio-iptables`, resolved from flags, environment and the pod. */
export interface IptablesSettings {
  readonly proxyPort: string;
  readonly inboundCapturePort: string;
  readonly inboundTunnelPort: string;
  readonly proxyUid: string;
  readonly proxyGid: string;
  readonly interceptionMode: string;
  readonly tproxyMark: string;
  readonly tproxyRouteTable: string;
  readonly inboundPorts: string;
  readonly inboundPortsExclude: string;
  readonly ownerGroups: string;
  readonly ownerGroupsExclude: string;
  readonly outboundRanges: string;
  readonly outboundRangesExclude: string;
  readonly outboundPorts: string;
  readonly outboundPortsExclude: string;
  readonly kubeVirtInterfaces: string;
  readonly excludeInterfaces: string;
  readonly ipv6: boolean;
  readonly redirectDns: boolean;
  readonly captureAllDns: boolean;
  readonly dropInvalid: boolean;
  readonly dnsServersV4: readonly string[];
  readonly dnsServersV6: readonly string[];
  readonly traceLogging: boolean;
  readonly networkNamespace: string;
  readonly cniMode: boolean;
}

/** A flag of the command line: its environment variables count where the flag is absent. */
export interface FlagSpec {
  readonly name: string;
  readonly short?: string;
  readonly env?: readonly string[];
  readonly fallback: string;
  readonly boolean?: boolean;
  readonly usage: string;
}

const text = (
  name: string,
  short: string,
  rest: Omit<FlagSpec, 'name' | 'short' | 'fallback'> & { fallback?: string },
): FlagSpec => ({ fallback: '', ...rest, name, ...(short ? { short } : {}) });
const toggle = (name: string, usage: string, rest: Partial<FlagSpec> = {}): FlagSpec => ({
  fallback: 'false',
  boolean: true,
  ...rest,
  name,
  usage,
});

/** Flags of istio-iptables and istio-clean-iptables, with Istio's names, letters and environment variables. */
export const iptablesFlags: readonly FlagSpec[] = [
  text('envoy-port', 'p', { fallback: '15001', usage: 'port that outbound connections are sent to' }),
  text('inbound-capture-port', 'z', { fallback: '15006', usage: 'port that inbound connections are sent to' }),
  text('inbound-tunnel-port', 'e', { fallback: '15008', usage: 'port of inbound tunnels, never redirected' }),
  text('proxy-uid', 'u', { usage: "users whose traffic is the proxy's own" }),
  text('proxy-gid', 'g', { usage: "groups whose traffic is the proxy's own" }),
  text('istio-inbound-interception-mode', 'm', { usage: 'REDIRECT or TPROXY' }),
  text('istio-inbound-tproxy-mark', 't', { fallback: '1337', usage: 'mark of packets in TPROXY mode' }),
  text('istio-inbound-tproxy-route-table', 'r', { fallback: '133', usage: 'routing table in TPROXY mode' }),
  text('istio-inbound-ports', 'b', { usage: 'inbound ports to capture, or *' }),
  text('istio-local-exclude-ports', 'd', { usage: 'inbound ports to leave alone when all are captured' }),
  text('istio-service-cidr', 'i', { usage: 'outbound ranges to capture, or *' }),
  text('istio-service-exclude-cidr', 'x', { usage: 'outbound ranges to leave alone' }),
  text('istio-outbound-ports', 'q', { usage: 'outbound ports to capture anyway' }),
  text('istio-local-outbound-ports-exclude', 'o', { usage: 'outbound ports to leave alone' }),
  text('kube-virt-interfaces', 'k', { usage: 'interfaces of virtual machines' }),
  text('istio-exclude-interfaces', 'c', { usage: 'interfaces to leave alone' }),
  text('network-namespace', '', { usage: 'network namespace to work in' }),
  toggle('redirect-dns', 'capture DNS', { env: ['ISTIO_META_DNS_CAPTURE', 'REDIRECT_DNS'] }),
  toggle('capture-all-dns', 'capture DNS to any server, not only those of resolv.conf'),
  toggle('drop-invalid', 'drop packets in an invalid state'),
  toggle('iptables-trace-logging', 'log packets that match'),
  toggle('cni-mode', 'called by a CNI plugin'),
  toggle('host-nsenter-exec', 'accepted, without effect on rules'),
  text('iptables-probe-port', '', { fallback: '15002', usage: 'accepted, without effect on rules' }),
  text('probe-timeout', '', { fallback: '5s', usage: 'accepted, without effect on rules' }),
  toggle('skip-rule-apply', 'print nothing and change nothing'),
  toggle('restore-format', 'write in the format of iptables-restore', { short: 'f', fallback: 'true' }),
  toggle('dry-run', 'print what would be done', { short: 'n' }),
];

/**
 * What is read from the pod: addresses of its interfaces, name servers of resolv.conf, the user istio-proxy if there is
 * one.
 */
export interface PodFacts {
  readonly addresses: readonly string[];
  readonly nameservers: readonly string[];
  readonly proxyUid?: string;
}

/**
 * Resolves flags over environment over default (Istio 1.19, istio-iptables: constructConfig).
 * Fails when the pod has no usable address or a list is out of bounds; Istio panics then (exit code 2).
 */
export function buildSettings(
  flags: ReadonlyMap<string, string>,
  env: Readonly<Record<string, string | undefined>>,
  pod: PodFacts,
): Result<IptablesSettings> {
  const value = (name: string): string => {
    const spec = iptablesFlags.find((flag) => flag.name === name);
    const names = spec?.env ?? [name.replaceAll('-', '_').toUpperCase()];
    return (
      flags.get(name) ?? names.map((item) => env[item]).find((item) => item) ?? alias(env, name) ?? spec?.fallback ?? ''
    );
  };
  const on = (name: string): boolean => isTrue(value(name));
  const usable = pod.addresses.filter(isUsable);
  const [first] = usable;
  if (first === undefined) return err('no valid local IP address found');
  const dualStack = isTrue(env['ISTIO_DUAL_STACK']);
  const redirectDns = on('redirect-dns');
  const proxyUid = value('proxy-uid') || (pod.proxyUid ?? '1337');
  const ownerGroups = env['ISTIO_OUTBOUND_OWNER_GROUPS'] || '*';
  const ownerGroupsExclude = env['ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE'] ?? '';
  for (const groups of [ownerGroups, ownerGroupsExclude]) {
    const { length } = split(groups);
    if (length > 64)
      return err(
        `number of owner groups whose outgoing traffic should be redirected to Envoy cannot exceed 64, got ${length}: ${groups}`,
      );
  }
  const servers = redirectDns && !on('capture-all-dns') ? pod.nameservers : [];
  return ok({
    proxyPort: value('envoy-port'),
    inboundCapturePort: value('inbound-capture-port'),
    inboundTunnelPort: value('inbound-tunnel-port'),
    proxyUid,
    proxyGid: value('proxy-gid') || proxyUid,
    interceptionMode: value('istio-inbound-interception-mode'),
    tproxyMark: value('istio-inbound-tproxy-mark'),
    tproxyRouteTable: value('istio-inbound-tproxy-route-table'),
    inboundPorts: value('istio-inbound-ports'),
    inboundPortsExclude: value('istio-local-exclude-ports'),
    ownerGroups,
    ownerGroupsExclude,
    outboundRanges: value('istio-service-cidr'),
    outboundRangesExclude: value('istio-service-exclude-cidr'),
    outboundPorts: value('istio-outbound-ports'),
    outboundPortsExclude: value('istio-local-outbound-ports-exclude'),
    kubeVirtInterfaces: value('kube-virt-interfaces'),
    excludeInterfaces: value('istio-exclude-interfaces'),
    ipv6: dualStack ? usable.some(isIpv6) : isIpv6(first),
    redirectDns,
    captureAllDns: on('capture-all-dns'),
    dropInvalid: on('drop-invalid'),
    dnsServersV4: servers.filter((server) => !isIpv6(server)),
    dnsServersV6: servers.filter(isIpv6),
    traceLogging: on('iptables-trace-logging'),
    networkNamespace: value('network-namespace'),
    cniMode: on('cni-mode'),
  });
}

/** Variables whose names differ from their flags'. */
function alias(env: Readonly<Record<string, string | undefined>>, name: string): string | undefined {
  return name === 'kube-virt-interfaces' ? env['KUBEVIRT_INTERFACES'] : undefined;
}

/** The parts of a comma-separated list, as Istio splits them: an empty text has none. */
export const split = (list: string): string[] => (list === '' ? [] : list.split(','));

const isIpv6 = (address: string): boolean => address.includes(':');

function isUsable(address: string): boolean {
  const plain = address.toLowerCase();
  return (
    !plain.startsWith('127.') &&
    plain !== '::1' &&
    !plain.startsWith('169.254.') &&
    !/^fe[89ab]/.test(plain) &&
    !/^ff.2:/.test(plain)
  );
}
