import { isAddress } from '@flotilla/rules';
import { isDnsLabel, partialWildcardMistake, wildcardDomainMistake } from './names.ts';
import { quoted, type Report } from './report.ts';

/** `namespace/host` of a Sidecar's egress or a Gateway's server; a gateway's may be a host alone. */
export function checkNamespacedHost(
  entry: string,
  { path, isGateway }: { path: string; isGateway: boolean },
  report: Report,
): void {
  const slash = entry.indexOf('/');
  if (slash < 0)
    return isGateway
      ? checkHost(entry, { path, isGateway }, report)
      : report.error(path, 'host must be of form namespace/dnsName');
  const [namespace, host] = [entry.slice(0, slash), entry.slice(slash + 1)];
  if (namespace === '' || host === '') report.error(path, 'config namespace and dnsName in host entry cannot be empty');
  const words = isGateway ? ['*', '.'] : ['*', '.', '~'];
  if (!words.includes(namespace) && !isDnsLabel(namespace))
    report.error(path, `invalid namespace value ${quoted(namespace)} in ${isGateway ? 'gateway' : 'sidecar'}`);
  checkHost(host, { path, isGateway }, report);
}

function checkHost(host: string, { path, isGateway }: { path: string; isGateway: boolean }, report: Report): void {
  if (host !== '*' && !host.includes('.')) report.error(path, 'short names (non FQDN) are not allowed');
  const mistake = wildcardDomainMistake(host);
  if (mistake !== undefined) {
    // A sidecar's host that is not an address either is reported twice, as Istio does.
    if (!isGateway) report.error(path, mistake);
    if (!isAddress(host)) report.error(path, mistake);
  }
  report.error(path, partialWildcardMistake(host));
}
