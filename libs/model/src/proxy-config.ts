import type { MeshProxyConfig } from './schema/mesh-config.ts';

/**
 * What is wrong with a proxy's whole configuration, defaults included, in the words of Istio's validation
 * (ValidateMeshConfigProxyConfig).
 */
export function proxyConfigMistakes(config: MeshProxyConfig): string[] {
  const port = (value: number): string | undefined =>
    value >= 1 && value <= 65535 ? undefined : `port number ${value} must be in the range 1..65535`;
  const problems: (string | undefined)[] = [
    config.configPath ? undefined : 'config path must be set',
    config.binaryPath ? undefined : 'binary path must be set',
    config.serviceCluster || config.tracingServiceName !== undefined
      ? undefined
      : 'oneof service cluster or tracing service name must be specified',
    prefixed('invalid discovery address: ', addressProblem(config.discoveryAddress ?? '')),
    prefixed('invalid proxy admin port: ', port(config.proxyAdminPort ?? 0)),
    prefixed('invalid status port: ', port(config.statusPort ?? 0)),
    (config.drainDuration ?? 0) < 1 ? 'invalid drain duration: duration must be greater than 1ms' : undefined,
    (config.concurrency ?? 0) < 0 ? `concurrency cannot be less than 0` : undefined,
  ];
  return problems.filter((problem) => problem !== undefined);
}

const prefixed = (prefix: string, problem: string | undefined): string | undefined =>
  problem ? prefix + problem : undefined;
function addressProblem(address: string): string | undefined {
  if (address.startsWith('unix:')) return undefined;
  const colon = address.lastIndexOf(':');
  const port = Number(address.slice(colon + 1));
  return colon > 0 && port >= 1 && port <= 65535
    ? undefined
    : `unable to split ${JSON.stringify(address)} into host and port`;
}
