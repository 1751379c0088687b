import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { defaultSdsSocket } from '@flotilla/agent-bootstrap';
import type { Environment, Proxy } from '@flotilla/agent-bootstrap';
import { createDnsServer, parseResolvConf } from '@flotilla/agent-dns';
import type { DnsServer } from '@flotilla/agent-dns';
import { createStatusServer, parseAppProbes, parseAppScrape, probeEnvoy } from '@flotilla/agent-health';
import { createRelay, createUpstream } from '@flotilla/agent-relay';
import type { NameTable } from '@flotilla/agent-relay';
import { createCaClient, createSdsServer, createWorkloadCertificate } from '@flotilla/agent-sds';
import { createLimits, type Logger, type Metrics } from '@flotilla/observability-port';
import { spiffeOf } from '@flotilla/rules';
import { limitKinds, type GuardOptions } from '@flotilla/server';
import { systemClock } from '@flotilla/std';
import { replaceFile } from '@flotilla/stored-file';
import { startEnvoy } from './envoy-process.ts';
import { readOptional } from './pod-info.ts';
import type { ProxyStart } from './proxy-start.ts';
import { splitAddress } from './agent-settings.ts';

export interface AgentOptions extends ProxyStart {
  readonly env: Environment;
  readonly log: Logger;
  readonly metrics: Metrics;
  metricsText(): Promise<string>;
  /** Aborts at the order to stop; `now` at the order not to wait any longer. */
  readonly stop: AbortSignal;
  readonly now: AbortSignal;
}

type Closer = () => unknown;

/**
 * Runs a proxy: certificate, SDS, relay, DNS, status port, then Envoy. Resolves with the exit code when Envoy has
 * ended: 0 after an order to stop or a clean exit, else 1. Rejects when something can't be started; whatever was
 * started is closed.
 */
export async function runAgent(options: AgentOptions): Promise<number> {
  const { proxy, settings, log, stop, now } = options;
  const closers: Closer[] = [];
  try {
    const quit = new AbortController();
    await startServers(options, { closers, onQuit: () => quit.abort() });
    await writeFiles(options);
    const { proxyConfig } = proxy;
    for (const warning of options.warnings) log.warn(warning);
    const envoy = startEnvoy({
      binary: settings.envoyBinary ?? proxyConfig.binaryPath ?? '/usr/local/bin/envoy',
      env: options.env,
      admin: adminOf(proxy),
      log,
      args: options.envoyArgs,
    });
    closers.push(() => envoy.kill('SIGKILL'));
    const order = AbortSignal.any([stop, quit.signal]);
    const stopped = (): Promise<'stop'> =>
      new Promise((resolve) =>
        order.aborted ? resolve('stop') : order.addEventListener('abort', () => resolve('stop'), { once: true }),
      );
    const ended = await Promise.race([envoy.exited, stopped()]);
    if (ended !== 'stop') {
      log[ended.code === 0 ? 'info' : 'error']('Envoy has exited', { code: ended.code, signal: ended.signal });
      return ended.code === 0 ? 0 : 1;
    }
    log.info('Agent draining proxy', { durationMs: (proxyConfig.terminationDrainDuration ?? 5) * 1000 });
    await envoy.drain({
      durationMs: (proxyConfig.terminationDrainDuration ?? 5) * 1000,
      inboundOnly: proxy.type === 'sidecar',
      signal: now,
      ...(settings.exitOnZeroActiveConnections ? { untilIdleAfterMs: settings.minimumDrainMs } : {}),
    });
    envoy.kill('SIGKILL');
    await envoy.exited;
    log.info('Envoy was stopped');
    return 0;
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

/** Writes what Envoy and proxyless gRPC applications read when they start. */
async function writeFiles({ proxy, settings, bootstrap, grpcBootstrap }: AgentOptions): Promise<void> {
  for (const [file, text] of Object.entries(proxy.files)) await replaceFile(file, { text, mode: 0o600 });
  if (bootstrap.text !== undefined) await replaceFile(bootstrap.path, { text: bootstrap.text, mode: 0o644 });
  if (settings.grpcBootstrap) await replaceFile(settings.grpcBootstrap, { text: grpcBootstrap, mode: 0o644 });
}

/** What each of the agent's servers is made with. */
const guard = (server: string, { settings, metrics, log }: AgentOptions): GuardOptions => ({
  limits: settings.connectionLimits,
  onLimit: createLimits(metrics, limitKinds, server),
  onProblem: (message) => log.warn(message, { server }),
});

const adminOf = ({ proxyConfig, family }: Proxy) => ({
  host: family.localhost,
  port: proxyConfig.proxyAdminPort ?? 15000,
});

async function startServers(
  options: AgentOptions,
  { closers, onQuit }: { closers: Closer[]; onQuit: () => void },
): Promise<void> {
  const { proxy, settings, log, metrics } = options;
  const { proxyConfig } = proxy;
  const discoveryAddress = proxyConfig.discoveryAddress ?? '';
  const caAddress = settings.caAddress ?? discoveryAddress;
  const rootsOf = (file: string | undefined) => async (): Promise<string | undefined> =>
    file === undefined ? undefined : readFile(file, 'utf8');
  const certificate = createWorkloadCertificate({
    identity: spiffeOf({
      trustDomain: settings.trustDomain,
      namespace: settings.namespace,
      serviceAccount: settings.serviceAccount,
    }),
    ca: createCaClient({
      address: caAddress,
      plaintext: caAddress.endsWith(':15010'),
      roots: rootsOf(settings.caRootFile),
      token: () => readFile(settings.tokenFile, 'utf8'),
      clusterId: settings.clusterId,
    }),
    validitySeconds: settings.secretTtlSeconds,
    graceRatio: settings.graceRatio,
    jitterRatio: settings.graceJitter,
    clock: systemClock,
    log: log.scope('cache'),
  });
  closers.push(() => certificate.close());
  for (const socket of [defaultSdsSocket, proxy.xdsSocket]) await mkdir(dirname(socket), { recursive: true });
  const sds = await createSdsServer({
    socket: defaultSdsSocket,
    certificate,
    extraRoots: proxyConfig.caCertificatesPem ?? [],
    guard: guard('sds', options),
    log: log.scope('sds'),
  });
  closers.push(() => sds.close());

  const dns = settings.dnsCapture && proxy.type === 'sidecar' ? await startDns(options) : undefined;
  if (dns) closers.push(() => dns.close());
  const plaintext = proxyConfig.controlPlaneAuthPolicy === 'NONE';
  const relay = await createRelay({
    socket: proxy.xdsSocket,
    guard: guard('xds', options),
    clock: systemClock,
    log: log.scope('xdsproxy'),
    metrics,
    upstream: createUpstream({
      address: discoveryAddress,
      roots: rootsOf(settings.xdsRootFile),
      ...(plaintext ? {} : { certificate: () => certificate.ready() }),
    }),
    ...(dns ? { onNameTable: ({ table }: NameTable) => dns.update(table ?? {}) } : {}),
  });
  closers.push(() => relay.close());

  const status = await createStatusServer({
    port: proxyConfig.statusPort ?? 15020,
    podIp: proxy.instanceIps[0] ?? '127.0.0.1',
    envoyStatsPort: Number(proxy.node.metadata['ENVOY_PROMETHEUS_PORT']),
    unready: readiness(options),
    agentMetrics: options.metricsText,
    onQuit,
    guard: guard('status', options),
    log: log.scope('healthcheck'),
    ...statusInputs(options),
  });
  closers.push(() => status.close());
}

/** Once configured, a proxy stays so while pilot is away: only Envoy's own state decides then. */
function readiness({ proxy, stop }: AgentOptions): () => Promise<string | undefined> {
  return async () => (stop.aborted ? 'the proxy is draining' : probeEnvoy(adminOf(proxy)));
}

/** Malformed texts of the injector are reported and left out. */
function statusInputs({ settings, proxy, log }: AgentOptions) {
  const probes = parseAppProbes(settings.appProbers);
  const scrape = parseAppScrape(settings.prometheusAnnotations, proxy.proxyConfig.statusPort ?? 15020);
  if (!probes.ok) log.error('ISTIO_KUBE_APP_PROBERS', { error: probes.error });
  if (!scrape.ok) log.error('ISTIO_PROMETHEUS_ANNOTATIONS', { error: scrape.error });
  return {
    appProbes: probes.ok ? probes.value : new Map<string, never>(),
    ...(scrape.ok && scrape.value ? { appScrape: scrape.value } : {}),
  };
}

async function startDns(options: AgentOptions): Promise<DnsServer> {
  const { settings, proxy, log, metrics } = options;
  const { nameservers, search } = parseResolvConf((await readOptional('/etc/resolv.conf')) ?? '');
  const listen = splitAddress(settings.dnsAddress, proxy.family.localhost);
  return createDnsServer({
    ...listen,
    names: { namespace: settings.namespace, domain: proxy.node.id.split('~')[3] ?? '', search },
    upstreams: nameservers
      .filter((address) => address !== listen.address || listen.port !== 53)
      .map((address) => ({ address, port: 53 })),
    log: log.scope('dns'),
    metrics,
    maxForwarded: settings.maxForwardedQueries,
    guard: guard('dns', options),
  });
}
