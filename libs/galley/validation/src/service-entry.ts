import type { Meta, ServiceEntry } from '@flotilla/model';
import { isAddress } from '@flotilla/rules';
import { subnetMistake } from './ip.ts';
import { fqdnMistake, partialWildcardMistake, portMistake, portNameMistake, wildcardDomainMistake } from './names.ts';
import { classifyProtocol, protocolMistake } from './protocols.ts';
import { quoted, type Report } from './report.ts';
import { checkExportTo, noLabels, selectorMistakes } from './selector.ts';
import { checkEndpointPorts, checkStaticEndpoint } from './workload.ts';

type ServicePort = NonNullable<ServiceEntry['ports']>[number];

/** networking.istio.io ServiceEntry (Istio 1.19, ValidateServiceEntry). */
export function checkServiceEntry(spec: ServiceEntry, meta: Meta, report: Report): void {
  const inSelector = selectorMistakes(spec.workloadSelector?.labels);
  for (const mistake of inSelector) report.error('spec.workloadSelector.labels', mistake);
  if (inSelector.length > 0) return;
  if (spec.workloadSelector && Object.keys(spec.workloadSelector.labels ?? {}).length === 0) {
    report.warn('spec.workloadSelector', `service entry: ${noLabels}, will be applied to all services in namespace`);
  }
  if (spec.workloadSelector && spec.endpoints)
    report.error('spec', 'only one of WorkloadSelector or Endpoints is allowed in Service Entry');
  checkSize(spec, report);
  checkHosts(spec, report);
  checkAddresses(spec, report);
  checkPorts(spec, report);
  checkResolution(spec, report);
  checkExportTo(spec.exportTo, { namespace: meta.namespace, isServiceEntry: true }, report);
}

/**
 * Each host makes a service of each address, each endpoint one of each port: few lines could mean millions of either.
 * Istio has no such limit.
 */
const [maxServices, maxEndpoints] = [20_000, 100_000];

function checkSize({ hosts = [], addresses = [], endpoints = [], ports = [] }: ServiceEntry, report: Report): void {
  const services = hosts.length * Math.max(1, addresses.length);
  if (services > maxServices)
    report.error(
      'spec',
      `hosts and addresses make ${services} services; at most ${maxServices} are allowed: split the service entry`,
    );
  if (endpoints.length * ports.length > maxEndpoints) {
    report.error(
      'spec',
      `endpoints and ports make ${endpoints.length * ports.length} endpoints; at most ${maxEndpoints} are allowed: split the service entry`,
    );
  }
}

function checkHosts({ hosts = [] }: ServiceEntry, report: Report): void {
  if (hosts.length === 0) report.error('spec.hosts', 'service entry must have at least one host');
  for (const [i, host] of hosts.entries()) {
    if (host === '*') report.error(`spec.hosts[${i}]`, 'invalid host *');
    else {
      report.error(`spec.hosts[${i}]`, wildcardDomainMistake(host));
      report.warn(`spec.hosts[${i}]`, partialWildcardMistake(host));
    }
  }
}

function checkAddresses({ addresses = [], resolution = 'NONE' }: ServiceEntry, report: Report): void {
  for (const [i, address] of addresses.entries()) report.error(`spec.addresses[${i}]`, subnetMistake(address));
  if (addresses.some((address) => address.includes('/')) && resolution !== 'NONE' && resolution !== 'STATIC') {
    report.error('spec.addresses', 'CIDR addresses are allowed only for NONE/STATIC resolution types');
  }
}

function checkPorts(
  { ports = [], addresses = [], resolution = 'NONE', hosts = [] }: ServiceEntry,
  report: Report,
): void {
  const [names, numbers] = [new Set<string>(), new Set<number>()];
  for (const [i, { name = '', number = 0, protocol = '', targetPort }] of ports.entries()) {
    const path = `spec.ports[${i}]`;
    if (names.has(name)) report.error(`${path}.name`, `service entry port name ${quoted(name)} already defined`);
    names.add(name);
    if (numbers.has(number)) report.error(`${path}.number`, `service entry port ${number} already defined`);
    numbers.add(number);
    if (targetPort) report.error(`${path}.targetPort`, portMistake(targetPort));
    if (addresses.length === 0 && (protocol === '' || protocol === 'TCP')) {
      report.warn(path, 'addresses are required for ports serving TCP (or unset) protocol');
    }
    report.error(`${path}.name`, portNameMistake(name));
    report.error(`${path}.protocol`, protocolMistake(protocol));
    report.error(`${path}.number`, portMistake(number));
  }
  if (resolution !== 'NONE' && hosts.length > 1 && ports.some(isWithoutHost))
    report.error('spec.ports', 'multiple hosts provided with non-HTTP, non-TLS ports');
  if (
    resolution.startsWith('DNS') &&
    addresses.length > 0 &&
    hosts.length > 1 &&
    ports.some(({ protocol = '' }) => classifyProtocol(protocol).tcp)
  ) {
    report.warn(
      'spec',
      'service entry can not have more than one host specified simultaneously with address and tcp port',
    );
  }
}

/** True when no request or connection on the port names the host that it is meant for. */
function isWithoutHost({ protocol = '' }: ServicePort): boolean {
  const { http, tls } = classifyProtocol(protocol);
  return !http && !tls;
}

function checkResolution(
  { resolution = 'NONE', endpoints = [], ports = [], hosts = [] }: ServiceEntry,
  report: Report,
): void {
  const servicePorts = new Set(ports.map(({ name = '' }) => name));
  const endpointPath = (i: number): string => `spec.endpoints[${i}]`;
  switch (resolution) {
    case 'NONE':
      if (endpoints.length > 0)
        report.error('spec.endpoints', 'no endpoints should be provided for resolution type none');
      return;
    case 'STATIC': {
      const areUnix = endpoints.map((endpoint, i) =>
        checkStaticEndpoint(endpoint, { path: endpointPath(i), servicePorts }, report),
      );
      if (areUnix.includes(true) && ports.length !== 1)
        report.error('spec.ports', 'exactly 1 service port required for unix endpoints');
      return;
    }
    case 'DNS':
    case 'DNS_ROUND_ROBIN':
      for (const [i, host] of endpoints.length === 0 ? hosts.entries() : []) {
        if (fqdnMistake(host) !== undefined)
          report.error(
            `spec.hosts[${i}]`,
            `hosts must be FQDN if no endpoints are provided for resolution mode ${resolution}`,
          );
      }
      if (resolution === 'DNS_ROUND_ROBIN' && endpoints.length > 1)
        report.error('spec.endpoints', `there must only be 0 or 1 endpoint for resolution mode ${resolution}`);
      for (const [i, endpoint] of endpoints.entries()) {
        const address = endpoint.address ?? '';
        if (!isAddress(address) && fqdnMistake(address) !== undefined)
          report.error(
            `${endpointPath(i)}.address`,
            `endpoint address ${quoted(address)} is not a valid FQDN or an IP address`,
          );
        checkEndpointPorts(endpoint, { path: endpointPath(i), servicePorts }, report);
      }
  }
}
