import type { L4MatchAttributes, Meta, TLSMatchAttributes, VirtualService } from '@flotilla/model';
import { checkGatewayNames, checkHttpRoute, checkRouteDestinations } from './http-route.ts';
import { HostIndex, isAddress, routingClaim } from '@flotilla/rules';
import { subnetMistake } from './ip.ts';
import { gatewayDomainMistake, labelMistakes, portMistake, wildcardDomainMistake } from './names.ts';
import { maxProblems, quoted, shortList, take, type Report } from './report.ts';
import { checkExportTo } from './selector.ts';
import { warnOfUnreachableRules } from './unreachable-rules.ts';

/** networking.istio.io VirtualService (Istio 1.19, ValidateVirtualService). */
export function checkVirtualService(spec: VirtualService, meta: Meta, report: Report): void {
  const isDelegate = !spec.hosts?.length;
  if (isDelegate) {
    if (spec.gateways?.length)
      report.error('spec.gateways', 'delegate virtual service must have no gateways specified');
    if (spec.tls?.length) report.error('spec.tls', 'delegate virtual service must have no tls route specified');
    if (spec.tcp?.length) report.error('spec.tcp', 'delegate virtual service must have no tcp route specified');
  }
  checkGatewayNames(spec.gateways, 'spec.gateways', report);
  const where: Where = {
    onGateway: isForGateways(spec),
    sni: isSni(spec),
    hosts: new HostIndex(spec.hosts ?? []),
    names: spec.hosts ?? [],
  };
  if (!spec.gateways?.some((gateway) => gateway !== 'mesh')) checkNoJwtRoutes(spec, report);
  checkHosts(where, report);
  if (!spec.http?.length && !spec.tcp?.length && !spec.tls?.length)
    report.error('spec', 'http, tcp or tls must be provided in virtual service');
  for (const [i, route] of (spec.http ?? []).entries())
    checkHttpRoute(route, { path: `spec.http[${i}]`, isDelegate }, report);
  for (const [i, { match, route }] of (spec.tls ?? []).entries()) {
    const path = `spec.tls[${i}]`;
    if (!match?.length) report.error(path, 'TLS route must have at least one match condition');
    for (const [n, one] of (match ?? []).entries())
      checkTlsMatch(one, { path: `${path}.match[${n}]`, ...where }, report);
    if (!route?.length) report.error(path, 'TLS route is required');
    checkRouteDestinations(route, `${path}.route`, report);
  }
  for (const [i, { match, route }] of (spec.tcp ?? []).entries()) {
    const path = `spec.tcp[${i}]`;
    for (const [n, one] of (match ?? []).entries()) checkL4Match(one, `${path}.match[${n}]`, report);
    if (!route?.length) report.error(path, 'TCP route is required');
    checkRouteDestinations(route, `${path}.route`, report);
  }
  checkExportTo(spec.exportTo, { namespace: meta.namespace }, report);
  warnOfUnreachableRules(spec, report);
}

const isForGateways = ({ gateways }: VirtualService): boolean =>
  (gateways?.length ?? 0) > 0 && !gateways?.includes('mesh');
const isSni = ({ tls }: VirtualService): boolean =>
  (tls ?? []).some(({ match }) => match?.some(({ sniHosts }) => sniHosts?.length));

/** Claims of a token are known to gateways only: a VirtualService that is for none can not ask for them. */
function checkNoJwtRoutes(spec: VirtualService, report: Report): void {
  for (const [i, route] of (spec.http ?? []).entries()) {
    for (const [n, match] of (route.match ?? []).entries()) {
      const names = [...Object.keys(match.headers ?? {}), ...Object.keys(match.withoutHeaders ?? {})];
      for (const key of names.filter((name) => routingClaim(name))) {
        report.error(
          `spec.http[${i}].match[${n}]`,
          `JWT claim based routing (key: ${key}) is only supported for gateway, found no gateways: [${shortList(spec.gateways ?? [], ' ')}]`,
        );
      }
    }
  }
}

/** What checks of a VirtualService's parts know of the whole. */
interface Where {
  readonly onGateway: boolean;
  readonly sni: boolean;
  readonly names: readonly string[];
  readonly hosts: HostIndex;
}

function checkHosts({ onGateway, sni, names, hosts }: Where, report: Report): void {
  let allValid = true;
  const refuse = (i: number, mistake: string): void => {
    report.error(`spec.hosts[${i}]`, mistake);
    allValid = false;
  };
  for (const [i, host] of names.entries()) {
    const mistake = onGateway ? gatewayDomainMistake(host, sni) : wildcardDomainMistake(host);
    if (mistake !== undefined) {
      if (!isAddress(host)) refuse(i, mistake);
    } else if (!onGateway && host === '*')
      refuse(i, 'wildcard host * is not allowed for virtual services bound to the mesh gateway');
  }
  if (!allValid) return;
  const pairs = take(hosts.overlaps(), maxProblems + 1).sort(([a, b], [c, d]) => a - c || b - d);
  for (const [i, n] of pairs)
    report.error(`spec.hosts[${i}]`, `duplicate hosts in virtual service: ${names[i]} & ${names[n]}`);
}

function checkTlsMatch(
  match: TLSMatchAttributes,
  { path, onGateway, names, hosts }: Where & { readonly path: string },
  report: Report,
): void {
  if (!match.sniHosts?.length) report.error(path, 'TLS match must have at least one SNI host');
  for (const [i, host] of (match.sniHosts ?? []).entries()) {
    const sniPath = `${path}.sniHosts[${i}]`;
    const mistake = onGateway ? gatewayDomainMistake(host, true) : wildcardDomainMistake(host);
    if (mistake !== undefined && isAddress(host))
      report.warn(
        sniPath,
        `using an IP address (${quoted(host)}) goes against SNI spec and most clients do not support this`,
      );
    else if (mistake !== undefined) report.error(sniPath, mistake);
    else if (!hosts.covers(host)) {
      report.error(
        sniPath,
        `SNI host ${quoted(host)} is not a compatible subset of any of the virtual service hosts: [${shortList(names, ', ')}]`,
      );
    }
  }
  checkL4Match(match, path, report);
}

function checkL4Match(match: L4MatchAttributes | TLSMatchAttributes, path: string, report: Report): void {
  for (const [i, subnet] of (match.destinationSubnets ?? []).entries())
    report.error(`${path}.destinationSubnets[${i}]`, subnetMistake(subnet));
  if (match.port) report.error(`${path}.port`, portMistake(match.port));
  for (const mistake of labelMistakes(match.sourceLabels)) report.error(`${path}.sourceLabels`, mistake);
  checkGatewayNames(match.gateways, `${path}.gateways`, report);
}
