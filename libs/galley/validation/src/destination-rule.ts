import type {
  ConnectionPoolSettings,
  ClientTLSSettings,
  DestinationRule,
  LoadBalancerSettings,
  Meta,
  OutlierDetection,
  PortTrafficPolicy,
  TrafficPolicy,
} from '@flotilla/model';
import { subsetNameMistake } from './destination.ts';
import { ipMistake } from './ip.ts';
import { checkLocalitySetting } from './locality.ts';
import {
  durationMistake,
  fqdnMistake,
  labelMistakes,
  optionalDurationMistake,
  portMistake,
  wildcardDomainMistake,
} from './names.ts';
import type { Report } from './report.ts';
import { checkExportTo, checkSelector } from './selector.ts';

export interface DestinationRuleOptions {
  /**
   * PILOT_ENABLE_DESTINATION_RULE_INHERITANCE: rules without a host are those of their namespace, or of the mesh, and
   * may only say what every host can have.
   */
  readonly inheritance?: boolean;
}

/** networking.istio.io DestinationRule (Istio 1.19, ValidateDestinationRule). */
export function checkDestinationRule(
  spec: DestinationRule,
  { meta, inheritance = false }: DestinationRuleOptions & { readonly meta: Meta },
  report: Report,
): void {
  if (inheritance && !spec.host) {
    const cannot: readonly (readonly [field: string, isThere: boolean])[] = [
      ['workloadSelector configured', spec.workloadSelector !== undefined],
      ['subsets', (spec.subsets ?? []).length > 0],
      ['exportTo configured', (spec.exportTo ?? []).length > 0],
      ['portLevelSettings configured', (spec.trafficPolicy?.portLevelSettings ?? []).length > 0],
    ];
    for (const [field, isThere] of cannot)
      if (isThere) report.error('spec', `mesh/namespace destination rule cannot have ${field}`);
  } else report.error('spec.host', wildcardDomainMistake(spec.host ?? ''));
  checkTrafficPolicy(spec.trafficPolicy, 'spec.trafficPolicy', report);
  for (const [i, subset] of (spec.subsets ?? []).entries()) {
    const path = `spec.subsets[${i}]`;
    report.error(`${path}.name`, subsetNameMistake(subset.name ?? ''));
    for (const mistake of labelMistakes(subset.labels)) report.error(`${path}.labels`, mistake);
    checkTrafficPolicy(subset.trafficPolicy, `${path}.trafficPolicy`, report);
  }
  checkExportTo(spec.exportTo, { namespace: meta.namespace, hasSelector: spec.workloadSelector !== undefined }, report);
  checkSelector(spec.workloadSelector, report, 'spec.workloadSelector');
}

const policyFields = [
  'outlierDetection',
  'connectionPool',
  'loadBalancer',
  'tls',
  'portLevelSettings',
  'tunnel',
] as const;

function checkTrafficPolicy(policy: TrafficPolicy | undefined, path: string, report: Report): void {
  if (!policy) return;
  if (policyFields.every((field) => policy[field] === undefined))
    return report.error(path, 'traffic policy must have at least one field');
  checkPolicyParts(policy, path, report);
  for (const [i, port] of (policy.portLevelSettings ?? []).entries()) {
    const settingsPath = `${path}.portLevelSettings[${i}]`;
    if (!port.port) report.error(settingsPath, 'portTrafficPolicy must have valid port');
    if (policyFields.slice(0, 4).every((field) => port[field as keyof PortTrafficPolicy] === undefined))
      report.error(settingsPath, 'port traffic policy must have at least one field');
    else checkPolicyParts(port, settingsPath, report);
  }
  checkTunnel(policy.tunnel, `${path}.tunnel`, report);
}

function checkPolicyParts(policy: TrafficPolicy | PortTrafficPolicy, path: string, report: Report): void {
  checkOutlierDetection(policy.outlierDetection, `${path}.outlierDetection`, report);
  checkConnectionPool(policy.connectionPool, `${path}.connectionPool`, report);
  checkLoadBalancer(policy, `${path}.loadBalancer`, report);
  checkClientTls(policy.tls, `${path}.tls`, report);
}

function checkTunnel(tunnel: TrafficPolicy['tunnel'], path: string, report: Report): void {
  if (!tunnel) return;
  if (tunnel.protocol && !['CONNECT', 'POST'].includes(tunnel.protocol))
    report.error(`${path}.protocol`, 'tunnel protocol must be "CONNECT" or "POST"');
  const host = tunnel.targetHost ?? '';
  const [asName, asAddress] = [fqdnMistake(host), ipMistake(host)];
  if (asName !== undefined && asAddress !== undefined)
    report.error(`${path}.targetHost`, `tunnel target host must be valid FQDN or IP address: ${asName}; ${asAddress}`);
  const port = portMistake(tunnel.targetPort ?? 0);
  report.error(`${path}.targetPort`, port && `tunnel target port is invalid: ${port}`);
}

const percentMistake = (percent = 0): string | undefined =>
  percent < 0 || percent > 100 ? `percentage ${percent} is not in range 0..100` : undefined;

function checkOutlierDetection(outlier: OutlierDetection | undefined, path: string, report: Report): void {
  if (!outlier) return;
  report.error(`${path}.baseEjectionTime`, optionalDurationMistake(outlier.baseEjectionTime));
  if (outlier.consecutiveErrors) {
    report.warn(
      `${path}.consecutiveErrors`,
      'outlier detection consecutive errors is deprecated, use consecutiveGatewayErrors or consecutive5xxErrors instead',
    );
  }
  if (!outlier.splitExternalLocalOriginErrors && (outlier.consecutiveLocalOriginFailures ?? 0) > 0) {
    report.error(
      path,
      'outlier detection consecutive local origin failures is specified, but split external local origin errors is set to false',
    );
  }
  report.error(`${path}.interval`, optionalDurationMistake(outlier.interval));
  report.error(`${path}.maxEjectionPercent`, percentMistake(outlier.maxEjectionPercent));
  report.error(`${path}.minHealthPercent`, percentMistake(outlier.minHealthPercent));
}

function checkConnectionPool(pool: ConnectionPoolSettings | undefined, path: string, report: Report): void {
  if (!pool) return;
  const { http, tcp } = pool;
  if (!http && !tcp) return report.error(path, 'connection pool must have at least one field');
  const negative = (fieldPath: string, value: number | undefined, name: string): void =>
    report.error(`${path}.${fieldPath}`, (value ?? 0) < 0 ? `${name} must be non-negative` : undefined);
  if (http) {
    negative('http.http1MaxPendingRequests', http.http1MaxPendingRequests, 'http1 max pending requests');
    negative('http.http2MaxRequests', http.http2MaxRequests, 'http2 max requests');
    negative('http.maxRequestsPerConnection', http.maxRequestsPerConnection, 'max requests per connection');
    negative('http.maxRetries', http.maxRetries, 'max retries');
    report.error(`${path}.http.idleTimeout`, optionalDurationMistake(http.idleTimeout));
    if (http.h2UpgradePolicy === 'UPGRADE' && http.useClientProtocol)
      report.error(`${path}.http`, 'use client protocol must not be true when H2UpgradePolicy is UPGRADE');
  }
  if (!tcp) return;
  negative('tcp.maxConnections', tcp.maxConnections, 'max connections');
  report.error(`${path}.tcp.connectTimeout`, optionalDurationMistake(tcp.connectTimeout));
  report.error(`${path}.tcp.maxConnectionDuration`, optionalDurationMistake(tcp.maxConnectionDuration));
}

function checkLoadBalancer(
  {
    loadBalancer: settings,
    outlierDetection,
  }: { readonly loadBalancer?: LoadBalancerSettings; readonly outlierDetection?: OutlierDetection },
  path: string,
  report: Report,
): void {
  if (!settings) return;
  const hash = settings.consistentHash;
  const hashPath = `${path}.consistentHash`;
  if (hash?.httpCookie) {
    if (!hash.httpCookie.name) report.error(`${hashPath}.httpCookie`, 'name required for HttpCookie');
    if (hash.httpCookie.ttl === undefined) report.error(`${hashPath}.httpCookie`, 'ttl required for HttpCookie');
  }
  if (hash?.minimumRingSize) {
    report.warn(
      hashPath,
      "consistent hash MinimumRingSize is deprecated, use ConsistentHashLB's RingHash configuration instead",
    );
  }
  checkLocalitySetting(
    settings.localityLbSetting,
    { path: `${path}.localityLbSetting`, hasOutlierDetection: outlierDetection !== undefined },
    report,
  );
  if (settings.warmupDurationSecs !== undefined)
    report.error(`${path}.warmupDurationSecs`, durationMistake(settings.warmupDurationSecs));
}

/** TLS towards a service; also of the tracer in the mesh's configuration. */
function checkClientTls(tls: ClientTLSSettings | undefined, path: string, report: Report): void {
  for (const mistake of clientTlsMistakes(tls)) report.error(path, mistake);
}

export function clientTlsMistakes(tls: ClientTLSSettings | undefined): string[] {
  if (!tls) return [];
  const { mode, credentialName, caCertificates, clientCertificate, privateKey, subjectAltNames } = tls;
  const mistakes: string[] = [];
  if (tls.insecureSkipVerify && mode === 'SIMPLE' && (caCertificates || credentialName || subjectAltNames)) {
    mistakes.push(
      'cannot specify CaCertificates or CredentialName or SubjectAltNames when InsecureSkipVerify is set true',
    );
  }
  if (tls.insecureSkipVerify && mode === 'MUTUAL' && (caCertificates || subjectAltNames))
    mistakes.push('cannot specify CaCertificates or SubjectAltNames when InsecureSkipVerify is set true');
  if ((mode === 'SIMPLE' || mode === 'MUTUAL') && credentialName) {
    if (clientCertificate || caCertificates || privateKey)
      mistakes.push('cannot specify client certificates or CA certificate If credentialName is set');
    return mistakes;
  }
  if (mode === 'MUTUAL' && !clientCertificate) mistakes.push('client certificate required for mutual tls');
  if (mode === 'MUTUAL' && !privateKey) mistakes.push('private key required for mutual tls');
  return mistakes;
}
