import type { MeshConfig, MeshNetworks, MeshProxyConfig } from '@flotilla/model';
import { clientTlsMistakes } from './destination-rule.ts';
import { ipMistake, subnetMistake } from './ip.ts';
import { checkLocalitySetting } from './locality.ts';
import {
  addressMistake,
  durationMistake,
  fqdnMistake,
  isDnsLabel,
  portMistake,
  wildcardDomainMistake,
} from './names.ts';
import { eachOf, repeatedIn, type Report, quoted } from './report.ts';

const curves = new Set(['', 'P-224', 'P-256', 'P-521', 'P-384', 'X25519', 'CECPQ2']);
const listed = (names: readonly string[]): string => `[${[...new Set(names)].sort().join(' ')}]`;

/** istio.mesh.v1alpha1 MeshConfig, merged over its defaults (Istio 1.19, ValidateMeshConfig). */
export function checkMeshConfig(mesh: MeshConfig, report: Report): void {
  const prefixed = (path: string, prefix: string, mistake: string | undefined): void =>
    report.error(path, mistake && `${prefix}: ${mistake}`);
  prefixed('proxyListenPort', 'invalid proxy listen port', portMistake(mesh.proxyListenPort ?? 0));
  const connect = mesh.connectTimeout ?? 0;
  prefixed(
    'connectTimeout',
    'invalid connect timeout',
    durationMistake(connect) ?? (connect > 30 ? `time ${goDuration(connect)} must be >1ms and <30s` : undefined),
  );
  const detection = mesh.protocolDetectionTimeout ?? 0;
  prefixed(
    'protocolDetectionTimeout',
    'invalid protocol detection timeout',
    isWholeMs(detection) ? undefined : 'only durations to ms precision are supported',
  );
  if (mesh.defaultConfig) checkProxyConfig(mesh.defaultConfig, 'defaultConfig', report);
  else report.error('defaultConfig', 'missing default config');
  checkLocalitySetting(mesh.localityLbSetting, { path: 'localityLbSetting', hasOutlierDetection: true }, report);
  for (const [i, { hosts }] of (mesh.serviceSettings ?? []).entries()) {
    for (const host of hosts ?? [])
      prefixed(`serviceSettings[${i}]`, `serviceSettings[${i}], host \`${host}\``, wildcardDomainMistake(host));
  }
  prefixed('trustDomain', 'trustDomain', trustDomainMistake(mesh.trustDomain ?? ''));
  for (const [i, alias] of (mesh.trustDomainAliases ?? []).entries())
    prefixed(`trustDomainAliases[${i}]`, `trustDomainAliases[${i}], domain \`${alias}\` `, trustDomainMistake(alias));
  if (mesh.meshMTLS?.ecdhCurves)
    report.error('meshMTLS.ecdhCurves', 'mesh TLS does not support ECDH curves configuration');
  const given = mesh.tlsDefaults?.ecdhCurves ?? [];
  const unknown = given.filter((curve) => !curves.has(curve));
  const repeated = repeatedIn(given.filter((curve) => curves.has(curve)));
  if (unknown.length > 0)
    report.warn('tlsDefaults.ecdhCurves', `detected unrecognized ECDH curves: ${listed(unknown)}`);
  if (repeated.length > 0) report.warn('tlsDefaults.ecdhCurves', `detected duplicate ECDH curves: ${listed(repeated)}`);
}

const isWholeMs = (seconds: number): boolean => Math.abs(seconds * 1000 - Math.round(seconds * 1000)) < 1e-7;

/** Seconds as Go shows a duration of at least a second: `1h0m1s`, `31s`, `1.5s`. */
function goDuration(seconds: number): string {
  const [hours, minutes, rest] = [
    Math.floor(seconds / 3600),
    Math.floor((seconds % 3600) / 60),
    Number((seconds % 60).toFixed(9)),
  ];
  return hours > 0 ? `${hours}h${minutes}m${rest}s` : minutes > 0 ? `${minutes}m${rest}s` : `${rest}s`;
}

/** Labels like those of DNS; a dot at the end is allowed. */
function trustDomainMistake(domain: string): string | undefined {
  if (domain === '') return 'empty domain name not allowed';
  const labels = domain.split('.');
  return (labels.at(-1) === '' ? labels.slice(0, -1) : labels).every(isDnsLabel)
    ? undefined
    : `trust domain name "${domain}" invalid`;
}

/** istio.mesh.v1alpha1 ProxyConfig, as the mesh's default or a pod's annotation has it. */
export function checkProxyConfig(config: MeshProxyConfig, path: string, report: Report): void {
  const error = (field: string, prefix: string, mistake: string | undefined): void =>
    report.error(`${path}.${field}`, mistake && `${prefix}: ${mistake}`);
  if (!config.configPath) report.error(`${path}.configPath`, 'config path must be set');
  if (!config.binaryPath) report.error(`${path}.binaryPath`, 'binary path must be set');
  if (!config.serviceCluster && config.tracingServiceName === undefined)
    report.error(`${path}.serviceCluster`, 'service cluster must be specified');
  checkDrain(config.drainDuration ?? 0, `${path}.drainDuration`, report);
  if (!config.discoveryAddress)
    report.error(`${path}.discoveryAddress`, 'discovery address must be set to the proxy discovery service');
  else error('discoveryAddress', 'invalid discovery address', addressMistake(config.discoveryAddress));
  checkTracing(config.tracing, path, report);
  if (config.statsdUdpAddress)
    error(
      'statsdUdpAddress',
      `invalid statsd udp address "${config.statsdUdpAddress}"`,
      addressMistake(config.statsdUdpAddress),
    );
  for (const [field, name] of [
    ['envoyMetricsService', 'envoy metrics service'],
    ['envoyAccessLogService', 'envoy access log service'],
  ] as const) {
    const address = config[field]?.address;
    if (address) error(field, `invalid ${name} address "${address}"`, addressMistake(address));
  }
  error('proxyAdminPort', 'invalid proxy admin port', portMistake(config.proxyAdminPort ?? 0));
  const policy = config.controlPlaneAuthPolicy ?? 'NONE';
  if (policy !== 'NONE' && policy !== 'MUTUAL_TLS')
    report.error(
      `${path}.controlPlaneAuthPolicy`,
      `invalid authentication policy: unrecognized control plane auth policy ${quoted(policy)}`,
    );
  error('statusPort', 'invalid status port', portMistake(config.statusPort ?? 0));
  for (const mistake of keyProviderMistakes(config.privateKeyProvider))
    error('privateKeyProvider', 'invalid private key provider confguration', mistake);
}

function checkDrain(seconds: number, path: string, report: Report): void {
  const mistake = durationMistake(seconds);
  if (mistake !== undefined) return report.error(path, `invalid drain duration: ${mistake}`);
  if (seconds % 1 !== 0) report.error(path, 'drain time only supports durations to seconds precision');
  if (seconds > 3600) report.error(path, `drain time ${goDuration(seconds)} must be <1h0m0s`);
}

function checkTracing(tracing: MeshProxyConfig['tracing'], path: string, report: Report): void {
  if (!tracing) return;
  const tell = (field: string, prefix: string, mistake: string | undefined): void =>
    report.error(`${path}.tracing.${field}`, mistake && `${prefix}: ${mistake}`);
  const onHost = (address = ''): string | undefined => addressMistake(address.replace('$(HOST_IP)', '127.0.0.1'));
  if (tracing.lightstep) {
    const { address = '', accessToken } = tracing.lightstep;
    const prefix = 'invalid lightstep config';
    if (address === '') tell('lightstep', prefix, 'address is required');
    tell('lightstep', `${prefix}: invalid lightstep address`, addressMistake(address));
    if (!accessToken) tell('lightstep', prefix, 'access token is required');
  }
  if (tracing.zipkin) tell('zipkin', 'invalid zipkin config', onHost(tracing.zipkin.address));
  if (tracing.datadog) tell('datadog', 'invalid datadog config', onHost(tracing.datadog.address));
  for (const mistake of clientTlsMistakes(tracing.tlsSettings))
    tell('tlsSettings', 'invalid tracing TLS config', mistake);
}

function keyProviderMistakes(provider: MeshProxyConfig['privateKeyProvider']): string[] {
  if (!provider) return [];
  const settings = provider.cryptomb ?? provider.qat;
  if (settings === undefined) return ['private key provider confguration is required', 'unknown private key provider'];
  if (settings.pollDelay === undefined) return ['pollDelay is required'];
  return settings.pollDelay === 0 ? ['pollDelay must be non zero'] : [];
}

/** istio.mesh.v1alpha1 MeshNetworks (Istio 1.19, ValidateMeshNetworks). */
export function checkMeshNetworks({ networks }: MeshNetworks, report: Report): void {
  for (const [name, { endpoints, gateways }] of eachOf(networks)) {
    const tell = (mistake: string | undefined): void =>
      report.error(`networks[${JSON.stringify(name)}]`, mistake && `invalid network ${name}: ${mistake}`);
    for (const { fromCidr, fromRegistry } of endpoints ?? []) {
      if (fromCidr !== undefined) tell(subnetMistake(fromCidr));
      else if (fromRegistry !== undefined && !isDnsLabel(fromRegistry)) tell(`invalid registry name: ${fromRegistry}`);
    }
    for (const { registryServiceName, address, port = 0 } of gateways ?? []) {
      if (registryServiceName !== undefined) tell(fqdnMistake(registryServiceName));
      else if (address !== undefined && ipMistake(address) !== undefined && fqdnMistake(address) !== undefined)
        tell(`${address} is not a valid IP address or DNS name`);
      tell(portMistake(port));
    }
  }
}
