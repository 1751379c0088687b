import type { WorkloadEntry, WorkloadGroup } from '@flotilla/model';
import { headerNameMistake } from './headers.ts';
import { isAddress } from '@flotilla/rules';
import { ipMistake } from './ip.ts';
import { fqdnMistake, labelMistakes, portMistake, portNameMistake, unixPathMistake, unixPrefix } from './names.ts';
import { eachOf, joined, quoted, type Report } from './report.ts';

interface Where {
  readonly path: string;
  /** Of the ServiceEntry that the endpoint is part of. */ readonly servicePorts?: ReadonlySet<string>;
}

/** A Unix socket as an endpoint: true when it is one. */
function isUnixEndpoint({ address = '', ports }: WorkloadEntry, path: string, report: Report): boolean {
  if (!address.startsWith(unixPrefix)) return false;
  report.error(`${path}.address`, unixPathMistake(address.slice(unixPrefix.length)));
  if (Object.keys(ports ?? {}).length > 0)
    report.error(`${path}.ports`, `unix endpoint ${address} must not include ports`);
  return true;
}

/** An endpoint of a ServiceEntry that resolves no names. Returns whether it is a Unix socket. */
export function checkStaticEndpoint(
  entry: WorkloadEntry,
  { path, servicePorts }: Required<Where>,
  report: Report,
): boolean {
  if (isUnixEndpoint(entry, path, report)) {
    checkEndpointLabels(entry, path, report);
    return true;
  }
  report.error(`${path}.address`, ipMistake(entry.address ?? ''));
  checkEndpointPorts(entry, { path, servicePorts }, report);
  return false;
}

/** The ports and labels of an endpoint. */
export function checkEndpointPorts(entry: WorkloadEntry, { path, servicePorts }: Where, report: Report): void {
  for (const [name, port] of eachOf(entry.ports)) {
    if (servicePorts && !servicePorts.has(name))
      report.error(`${path}.ports`, `endpoint port ${port} is not defined by the service entry`);
    report.error(`${path}.ports`, portNameMistake(name));
    report.error(`${path}.ports`, portMistake(port));
  }
  checkEndpointLabels(entry, path, report);
}

function checkEndpointLabels({ labels }: WorkloadEntry, path: string, report: Report): void {
  for (const mistake of labelMistakes(labels)) report.error(`${path}.labels`, mistake);
}

/** networking.istio.io WorkloadEntry (Istio 1.19, ValidateWorkloadEntry). */
export function checkWorkloadEntry(spec: WorkloadEntry, report: Report): void {
  const { address = '', network } = spec;
  if (address === '') {
    if (!network) return report.error('spec.address', 'address must be set');
    report.warn('spec.address', `address is unset with network ${quoted(network)}`);
  } else if (!isUnixEndpoint(spec, 'spec', report) && !isAddress(address) && fqdnMistake(address) !== undefined) {
    report.error('spec.address', `endpoint address ${quoted(address)} is not a valid FQDN or an IP address`);
  }
  checkEndpointPorts(spec, { path: 'spec' }, report);
}

const probeTimes = [
  'periodSeconds',
  'initialDelaySeconds',
  'timeoutSeconds',
  'successThreshold',
  'failureThreshold',
] as const;

/** networking.istio.io WorkloadGroup (Istio 1.19, ValidateWorkloadGroup). */
export function checkWorkloadGroup(spec: WorkloadGroup, report: Report): void {
  if (!spec.template) return report.error('spec.template', 'template is required');
  const labels = labelMistakes(spec.metadata?.labels);
  if (labels.length > 0) return report.error('spec.metadata.labels', `invalid labels: ${joined(labels)}`);
  const { probe } = spec;
  if (!probe) return;
  for (const field of probeTimes)
    if ((probe[field] ?? 0) < 0) report.error(`spec.probe.${field}`, `${field} must be non-negative`);
  if (probe.httpGet) {
    const { port = 0, scheme, httpHeaders } = probe.httpGet;
    report.error('spec.probe.httpGet.port', portMistake(port));
    if (scheme && !['HTTP', 'HTTPS'].includes(scheme))
      report.error('spec.probe.httpGet.scheme', 'httpGet.scheme must be one of "http", "https"');
    for (const [i, { name = '' }] of (httpHeaders ?? []).entries())
      report.error(`spec.probe.httpGet.httpHeaders[${i}]`, headerNameMistake(name));
  } else if (probe.tcpSocket) report.error('spec.probe.tcpSocket.port', portMistake(probe.tcpSocket.port ?? 0));
  else if (probe.exec)
    report.error('spec.probe.exec', probe.exec.command?.length ? undefined : 'exec.command is required');
  else report.error('spec.probe', 'unknown health check method <nil>');
}
