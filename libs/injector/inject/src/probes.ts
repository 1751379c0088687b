import { parsePort, readJsonObject } from '@flotilla/std';
import { proxyContainerName, type Container, type PodObject, type Probe } from '@flotilla/injector-template';
import { parseBool } from '@flotilla/rules';

const kinds = [
  ['readinessProbe', 'readyz'],
  ['livenessProbe', 'livez'],
  ['startupProbe', 'startupz'],
] as const;
const isRewritable = (probe: Probe | undefined): probe is Probe =>
  probe !== undefined && (probe.httpGet ?? probe.tcpSocket ?? probe.grpc) !== undefined;

/** Whether the kubelet's probes go through the agent: an annotation with a truth value, else the installation. */
export function rewritesProbes(annotations: Readonly<Record<string, string>>, fallback: boolean): boolean {
  const annotation = annotations['sidecar.istio.io/rewriteAppHTTPProbers'];
  const rewrites = parseBool(annotation ?? '');
  return rewrites.ok ? rewrites.value : fallback;
}

/**
 * What the agent has to do for the kubelet, by path, as the value of ISTIO_KUBE_APP_PROBERS; undefined when there is
 * nothing.
 */
export function buildProbers(pod: PodObject, statusPort: number): string | undefined {
  const containers = [...(pod.spec.initContainers ?? []), ...pod.spec.containers].filter(
    ({ name }) => name !== proxyContainerName,
  );
  const probers = containers.flatMap((container) =>
    kinds.flatMap(([kind, suffix]): [string, unknown][] => {
      const probe = container[kind];
      if (!isRewritable(probe)) return [];
      const prober = buildProber(probe, portOf(container), statusPort);
      return prober ? [[`/app-health/${container.name}/${suffix}`, prober]] : [];
    }),
  );
  return probers.length === 0
    ? undefined
    : JSON.stringify(Object.fromEntries(probers.sort(([a], [b]) => (a < b ? -1 : 1))));
}

/** Probers of an earlier injection with those of this one; the earlier ones win. What is not JSON is left out. */
export function mergeProbers(earlier: string | undefined, now: string | undefined): string | undefined {
  const before = earlier === undefined ? undefined : readJsonObject(earlier);
  if (!before?.ok) return now;
  const after = readJsonObject(now ?? '{}');
  const all = Object.entries({ ...(after.ok ? after.value : {}), ...before.value });
  return JSON.stringify(Object.fromEntries(all.sort(([a], [b]) => (a < b ? -1 : 1))));
}

/** A port by number, or by its name in the same container, as the kubelet looks it up. */
const portOf =
  ({ ports = [] }: Container) =>
  (port: number | string): number | undefined =>
    typeof port === 'number' ? port : (parsePort(port) ?? ports.findLast(({ name }) => name === port)?.containerPort);

function buildProber(
  probe: Probe,
  portOf: (port: number | string) => number | undefined,
  statusPort: number,
): object | undefined {
  const timeout = probe.timeoutSeconds ? { timeoutSeconds: probe.timeoutSeconds } : {};
  if (probe.grpc) return { grpc: { port: probe.grpc.port, service: probe.grpc.service ?? null }, ...timeout };
  const port = portOf(probe.httpGet?.port ?? probe.tcpSocket?.port ?? 0);
  // What points at the agent already went through here before.
  if (port === undefined || port === statusPort) return undefined;
  if (probe.tcpSocket)
    return { tcpSocket: { port, ...(probe.tcpSocket.host ? { host: probe.tcpSocket.host } : {}) }, ...timeout };
  const { path, host, scheme, httpHeaders } = probe.httpGet ?? {};
  return {
    httpGet: {
      ...(path ? { path } : {}),
      port,
      ...(host ? { host } : {}),
      ...(scheme ? { scheme } : {}),
      ...(httpHeaders ? { httpHeaders } : {}),
    },
    ...timeout,
  };
}

/** A container whose HTTP, TCP and gRPC probes ask the agent instead. */
export function rewriteProbes(container: Container, statusPort: number): Container {
  const rewritten = kinds.flatMap(([kind, suffix]) => {
    const probe = container[kind];
    if (!isRewritable(probe)) return [];
    const { httpGet, tcpSocket: _, grpc: __, ...rest } = probe;
    const scheme =
      httpGet?.scheme === undefined
        ? {}
        : { scheme: httpGet.scheme.toUpperCase() === 'HTTPS' ? 'HTTP' : httpGet.scheme };
    return [
      [
        kind,
        {
          ...rest,
          httpGet: { ...httpGet, path: `/app-health/${container.name}/${suffix}`, port: statusPort, ...scheme },
        },
      ],
    ];
  });
  return { ...container, ...Object.fromEntries(rewritten) };
}
