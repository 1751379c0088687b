import { parseInteger } from '@flotilla/std';
import type { IstioEgressListener, IstioIngressListener, Meta, Sidecar } from '@flotilla/model';
import { checkDestination } from './destination.ts';
import { ipMistake } from './ip.ts';
import { fqdnMistake, portMistake, portNameMistake, splitHostPort, unixPathMistake, unixPrefix } from './names.ts';
import { checkNamespacedHost } from './namespaced-host.ts';
import { classifyProtocol, protocolMistake } from './protocols.ts';
import type { Report } from './report.ts';
import { noLabels, selectorMistakes } from './selector.ts';
import { checkServerTls } from './server-tls.ts';

/** networking.istio.io Sidecar (Istio 1.19, ValidateSidecar). */
export function checkSidecar(spec: Sidecar, meta: Meta, report: Report): void {
  const inSelector = selectorMistakes(spec.workloadSelector?.labels);
  for (const mistake of inSelector) report.error('spec.workloadSelector.labels', mistake);
  if (inSelector.length > 0) return;
  if (!spec.egress?.length && !spec.ingress?.length && !spec.outboundTrafficPolicy)
    return report.error('spec', 'sidecar: empty configuration provided');
  if (spec.workloadSelector && Object.keys(spec.workloadSelector.labels ?? {}).length === 0) {
    report.warn('spec.workloadSelector', `sidecar: ${noLabels}, will be applied to all services in namespace`);
  }
  const ports = new Set<number>();
  for (const [i, listener] of (spec.ingress ?? []).entries())
    checkIngress(listener, { path: `spec.ingress[${i}]`, ports }, report);
  checkEgress(spec.egress ?? [], meta.namespace, report);
  checkOutboundPolicy(spec.outboundTrafficPolicy, report);
}

const notUnique = 'sidecar: ports on IP bound listeners must be unique';

function checkIngress(
  listener: IstioIngressListener,
  { path, ports }: { path: string; ports: Set<number> },
  report: Report,
): void {
  const { port, bind, defaultEndpoint, tls } = listener;
  if (!port) return report.error(path, 'sidecar: port is required for ingress listeners');
  const { number = 0, name, protocol = '' } = port;
  if (port.targetPort) report.error(`${path}.port.targetPort`, 'targetPort has no impact on Sidecars');
  report.error(`${path}.port.name`, name ? portNameMistake(name) : undefined);
  report.error(`${path}.port.protocol`, protocolMistake(protocol));
  report.error(`${path}.port.number`, portMistake(number));
  report.error(`${path}.bind`, bind ? ipMistake(bind) : undefined);
  if (ports.has(number)) report.error(`${path}.port.number`, notUnique);
  ports.add(number);
  if (defaultEndpoint) checkDefaultEndpoint(defaultEndpoint, `${path}.defaultEndpoint`, report);
  if (!tls) return;
  if (tls.subjectAltNames?.length)
    report.error(`${path}.tls`, 'sidecar: subjectAltNames is not supported in ingress tls');
  if (tls.httpsRedirect) report.error(`${path}.tls`, 'sidecar: httpsRedirect is not supported');
  if (tls.credentialName) report.error(`${path}.tls`, 'sidecar: credentialName is not currently supported');
  if (tls.mode === 'ISTIO_MUTUAL' || tls.mode === 'AUTO_PASSTHROUGH')
    report.error(`${path}.tls.mode`, `configuration is invalid: cannot set mode to ${tls.mode} in sidecar ingress tls`);
  if (!classifyProtocol(protocol).tls)
    report.error(`${path}.tls`, 'server cannot have TLS settings for non HTTPS/TLS ports');
  checkServerTls(tls, `${path}.tls`, report);
}

const loopbacks = ['', '127.0.0.1', '0.0.0.0', '::1', '::'];

function checkDefaultEndpoint(endpoint: string, path: string, report: Report): void {
  if (endpoint.startsWith(unixPrefix)) return report.error(path, unixPathMistake(endpoint.slice(unixPrefix.length)));
  const parts = splitHostPort(endpoint);
  if ('mistake' in parts) report.error(path, parts.mistake);
  const { host, port } = 'mistake' in parts ? { host: '', port: '' } : parts;
  if (!loopbacks.includes(host))
    report.error(
      path,
      'sidecar: defaultEndpoint must be of form 127.0.0.1:<port>,0.0.0.0:<port>,[::1]:port,[::]:port,unix://filepath or unset',
    );
  const number = parseInteger(port);
  report.error(
    path,
    number.ok ? portMistake(number.value) : `sidecar: defaultEndpoint port (${port}) is not a number: ${number.error}`,
  );
}

function checkEgress(listeners: readonly IstioEgressListener[], namespace: string, report: Report): void {
  const [ports, sockets] = [new Set<number>(), new Set<string>()];
  for (const [i, listener] of listeners.entries()) {
    const path = `spec.egress[${i}]`;
    if (!listener.port) {
      if (i < listeners.length - 1)
        report.error(path, 'sidecar: the egress listener with empty port should be the last listener in the list');
    } else {
      checkEgressPort(listener, path, report);
      const {
        port: { number = 0 },
        bind = '',
      } = { ...listener, port: listener.port };
      if (number === 0 && sockets.has(bind))
        report.error(`${path}.bind`, 'sidecar: unix domain socket values for listeners must be unique');
      if (number !== 0 && ports.has(number)) report.error(`${path}.port.number`, notUnique);
      if (number === 0) sockets.add(bind);
      else ports.add(number);
    }
    checkEgressHosts(listener.hosts ?? [], { path: `${path}.hosts`, namespace }, report);
  }
}

function checkEgressPort(
  { port, bind = '', captureMode = 'DEFAULT' }: IstioEgressListener,
  path: string,
  report: Report,
): void {
  const { number = 0, name, protocol = '', targetPort } = port ?? {};
  if (targetPort) report.error(`${path}.port.targetPort`, 'targetPort has no impact on Sidecars');
  report.error(`${path}.port.name`, name ? portNameMistake(name) : undefined);
  report.error(`${path}.port.protocol`, protocolMistake(protocol));
  if (number !== 0) {
    report.error(`${path}.port.number`, portMistake(number));
    return report.error(`${path}.bind`, bind === '' ? undefined : ipMistake(bind));
  }
  report.error(
    `${path}.bind`,
    bind.startsWith(unixPrefix)
      ? unixPathMistake(bind.slice(unixPrefix.length))
      : 'sidecar: ports with 0 value must have a unix domain socket bind address',
  );
  if (captureMode !== 'DEFAULT' && captureMode !== 'NONE')
    report.error(`${path}.captureMode`, 'sidecar: captureMode must be DEFAULT/NONE for unix domain socket listeners');
}

function checkEgressHosts(
  hosts: readonly string[],
  { path, namespace }: { path: string; namespace: string },
  report: Report,
): void {
  if (hosts.length === 0) return report.error(path, 'sidecar: egress listener must contain at least one host');
  const seen = new Map<string, Set<string>>();
  for (const [i, entry] of hosts.entries()) {
    const slash = entry.indexOf('/');
    if (slash >= 0) {
      const owner = entry.slice(0, slash) === '.' ? namespace : entry.slice(0, slash);
      const host = entry.slice(slash + 1);
      const others = seen.get(owner) ?? new Set();
      if (host === '*' ? others.size > 0 : others.has(host) || others.has('*'))
        report.warn(`${path}[${i}]`, `duplicated egress host: ${entry}`);
      seen.set(owner, others.add(host));
    }
    checkNamespacedHost(entry, { path: `${path}[${i}]`, isGateway: false }, report);
  }
  if (seen.get('*')?.has('*') && seen.size !== 1)
    report.warn(path, '`*/*` host select all resources, no other hosts can be added');
}

function checkOutboundPolicy(policy: Sidecar['outboundTrafficPolicy'], report: Report): void {
  const proxy = policy?.egressProxy;
  if (!proxy) return;
  const path = 'spec.outboundTrafficPolicy.egressProxy';
  if (policy.mode !== 'ALLOW_ANY')
    return report.error(path, 'sidecar: egress_proxy must be set only with ALLOW_ANY outbound_traffic_policy mode');
  report.error(`${path}.host`, fqdnMistake(proxy.host ?? ''));
  if (!proxy.port) return report.error(`${path}.port`, 'sidecar: egress_proxy port must be non-nil');
  checkDestination(proxy, path, report);
}
