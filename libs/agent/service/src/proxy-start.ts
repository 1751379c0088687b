import {
  buildEnvoyArgs,
  buildGrpcBootstrap,
  buildProxy,
  type Environment,
  type Proxy,
  type ProxyInput,
} from '@flotilla/agent-bootstrap';
import { parseFlags } from '@flotilla/agent-iptables';
import { isAddress } from '@flotilla/rules';
import { ok, type Result } from '@flotilla/std';
import { proxyFlags, readSettings, type AgentSettings } from './agent-settings.ts';
import { buildBootstrapFile, type BootstrapFile } from './bootstrap-file.ts';
import { parsePodInfo } from './pod-info.ts';

/** What `pilot-agent proxy` is started with. */
export interface ProxyStartInput {
  readonly args: readonly string[];
  readonly env: Environment;
  /** Addresses of the pod's interfaces, without loopback and link-local ones. */
  readonly interfaces: readonly InterfaceAddress[];
  /** An address of a host name; undefined when the name has no address. */
  readonly resolve: (host: string) => Promise<string | undefined>;
  /** The text of a file; undefined when it does not exist. */
  readonly read: (path: string) => Promise<string | undefined>;
}

/** An address of a network interface. */
export interface InterfaceAddress {
  readonly name: string;
  readonly address: string;
}

/** Everything that is decided before Envoy starts. */
export interface ProxyStart {
  readonly proxy: Proxy;
  readonly settings: AgentSettings;
  readonly logLevels: string;
  readonly warnings: readonly string[];
  readonly bootstrap: BootstrapFile;
  /** The text of GRPC_XDS_BOOTSTRAP's file. */
  readonly grpcBootstrap: string;
  /** Envoy's command line. */
  readonly envoyArgs: readonly string[];
}

/**
 * Decides how a proxy starts: flags, the downward API's files, mesh configuration, bootstrap, Envoy's command line.
 * Fails with the message that the agent exits with.
 */
export async function prepareProxy({
  args,
  env,
  interfaces,
  read,
  resolve,
}: ProxyStartInput): Promise<Result<ProxyStart>> {
  const parsed = parseFlags(proxyFlags, args, { ignoreUnknown: true });
  if (!parsed.ok) return parsed;
  const { flags, rest } = parsed.value;
  const flag = (name: string): string =>
    flags.get(name) ?? proxyFlags.find((spec) => spec.name === name)?.fallback ?? '';
  const settings = readSettings(env);
  const [labels, annotations, meshFile] = await Promise.all([
    read('./etc/istio/pod/labels'),
    read('./etc/istio/pod/annotations'),
    read(flag('meshConfig')),
  ]);
  const podAnnotations = annotations === undefined ? undefined : parsePodInfo(annotations);
  const excluded = podAnnotations?.['traffic.sidecar.istio.io/excludeInterfaces']?.split(',') ?? [];
  const [stsPort, concurrency] = [Number(flag('stsPort')), Number(flag('concurrency'))];
  const given: ProxyInput = {
    args: {
      type: rest[0] ?? 'sidecar',
      domain: flag('domain'),
      outlierLogPath: flag('outlierLogPath'),
      serviceCluster: flag('serviceCluster'),
      templateFile: flag('templateFile'),
      ...(stsPort > 0 ? { stsPort } : {}),
      ...(concurrency !== 0 ? { concurrency } : {}),
    },
    env,
    interfaceAddresses: interfaces.filter(({ name }) => !excluded.includes(name)).map(({ address }) => address),
    istioExtensions: settings.istioExtensions,
    ...(meshFile !== undefined ? { meshFile } : {}),
    ...(labels !== undefined ? { podLabels: parsePodInfo(labels) } : {}),
    ...(podAnnotations ? { podAnnotations } : {}),
  };
  const built = await withStatsd(given, resolve);
  if (!built.ok) return built;
  const proxy = built.value;
  const bootstrap = await buildBootstrapFile(proxy, {
    template: settings.bootstrapTemplate || flag('templateFile'),
    read,
  });
  if (!bootstrap.ok) return bootstrap;
  const override = settings.bootstrapOverride ? await read(settings.bootstrapOverride) : undefined;
  const warnings =
    settings.bootstrapOverride && override === undefined
      ? [`ISTIO_BOOTSTRAP_OVERRIDE: ${settings.bootstrapOverride} does not exist`]
      : [];
  return ok({
    proxy,
    settings,
    logLevels: flag('log_output_level'),
    warnings: [...proxy.warnings, ...warnings],
    bootstrap: bootstrap.value,
    grpcBootstrap: JSON.stringify(buildGrpcBootstrap(proxy.node, proxy.xdsSocket), undefined, 2),
    envoyArgs: buildEnvoyArgs({
      proxyConfig: proxy.proxyConfig,
      instanceIps: proxy.instanceIps,
      bootstrapFile: bootstrap.value.path,
      proxyLogLevel: flag('proxyLogLevel'),
      proxyComponentLogLevel: flag('proxyComponentLogLevel'),
      logAsJson: flag('log_as_json') === 'true',
      ...(override ? { override } : {}),
    }),
  });
}

/** A proxy whose statsd address is resolved: Envoy takes no host name there. A host without an address is left out. */
async function withStatsd(given: ProxyInput, resolve: ProxyStartInput['resolve']): Promise<Result<Proxy>> {
  const built = buildProxy(given);
  const [, host, port] =
    (built.ok && /^\[?([^\]]*?)\]?:(\d+)$/.exec(built.value.proxyConfig.statsdUdpAddress ?? '')) || [];
  if (host === undefined || isAddress(host)) return built;
  const address = await resolve(host);
  const shown = address?.includes(':') ? `[${address}]` : address;
  return buildProxy({ ...given, statsdUdpAddress: shown === undefined ? '' : `${shown}:${port}` });
}
