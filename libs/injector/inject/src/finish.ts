import { parsePort } from '@flotilla/std';
import {
  proxyContainerName,
  type Container,
  type EnvVar,
  type PodObject,
  type PodOverlay,
  type Strings,
  type Values,
} from '@flotilla/injector-template';
import type { MeshConfig, MeshProxyConfig } from '@flotilla/model';
import { isFalse, isTrue } from '@flotilla/rules';
import { buildProbers, mergeProbers, rewriteProbes, rewritesProbes } from './probes.ts';

export interface FinishOptions {
  readonly original: PodObject;
  readonly added: PodOverlay;
  readonly values: Values;
  readonly mesh: MeshConfig;
  readonly proxyConfig: MeshProxyConfig;
  readonly revision: string;
  readonly proxyEnv: Strings;
}

/**
 * What comes after the templates, in this order: cluster and network, merged metrics, probes, status and the
 * installation's annotations, the order of containers.
 */
export function finishPod(pod: PodObject, options: FinishOptions): PodObject {
  return reorder(withStatus(withProbes(withMetrics(withClusterEnv(pod, options), options), options), options), options);
}

const mapProxy = (pod: PodObject, change: (container: Container) => Container): PodObject => {
  const map = (list: readonly Container[]): Container[] =>
    list.map((container) => (container.name === proxyContainerName ? change(container) : container));
  return {
    ...pod,
    spec: {
      ...pod.spec,
      containers: map(pod.spec.containers),
      ...(pod.spec.initContainers ? { initContainers: map(pod.spec.initContainers) } : {}),
    },
  };
};
const addEnv = (container: Container, added: readonly EnvVar[]): Container => {
  const names = new Set(added.map(({ name }) => name));
  return { ...container, env: [...(container.env ?? []).filter(({ name }) => !names.has(name)), ...added] };
};
const annotate = (pod: PodObject, annotations: Strings): PodObject => ({
  ...pod,
  metadata: { ...pod.metadata, annotations: { ...pod.metadata.annotations, ...annotations } },
});

/** Cluster and network of the request's path go to the end of the environment; the pod's network label beats all. */
function withClusterEnv(pod: PodObject, { proxyEnv, original }: FinishOptions): PodObject {
  const network = original.metadata.labels?.['topology.istio.io/network'];
  const all: Strings = { ...proxyEnv, ...(network ? { ISTIO_META_NETWORK: network } : {}) };
  const env = Object.keys(all)
    .sort()
    .map((name) => ({ name, ...(all[name] ? { value: all[name] } : {}) }));
  const labelled =
    !network && all['ISTIO_META_NETWORK']
      ? {
          ...pod,
          metadata: {
            ...pod.metadata,
            labels: { ...pod.metadata.labels, 'topology.istio.io/network': all['ISTIO_META_NETWORK'] },
          },
        }
      : pod;
  return env.length === 0 ? pod : mapProxy(labelled, (container) => addEnv(container, env));
}

/** One scrape for the application and its proxy: the agent scrapes both. */
function withMetrics(pod: PodObject, { mesh, proxyConfig }: FinishOptions): PodObject {
  const annotations = pod.metadata.annotations ?? {};
  const { scrape = '', path = '', port = '' } = scrapeSettings(annotations);
  const merge = annotations['prometheus.istio.io/merge-metrics'];
  const isOn = merge === undefined ? mesh.enablePrometheusMerge !== false : isTrue(merge);
  const statusPort = String(proxyConfig.statusPort ?? 15_020);
  if (!isOn || isFalse(scrape) || port === statusPort) return pod;
  const isEmpty = [scrape, path, port].every((value) => value === '');
  const informed = isEmpty
    ? pod
    : mapProxy(pod, (container) =>
        addEnv(container, [{ name: 'ISTIO_PROMETHEUS_ANNOTATIONS', value: JSON.stringify({ scrape, path, port }) }]),
      );
  const others = Object.fromEntries(Object.entries(annotations).filter(([name]) => scrapeSetting(name) === undefined));
  const merged = {
    'prometheus.io/port': statusPort,
    'prometheus.io/path': '/stats/prometheus',
    'prometheus.io/scrape': 'true',
  };
  return { ...informed, metadata: { ...informed.metadata, annotations: { ...others, ...merged } } };
}

/**
 * Which of Prometheus' settings an annotation gives: to its relabelling, any other character than a letter or digit in
 * the name is an underscore.
 */
const scrapeSetting = (name: string): string | undefined =>
  /^prometheus_io_(scrape|path|port)$/.exec(name.replaceAll(/[^a-zA-Z0-9]/g, '_'))?.[1];
const scrapeSettings = (
  annotations: Strings,
): { readonly scrape?: string; readonly path?: string; readonly port?: string } =>
  Object.fromEntries(
    Object.keys(annotations)
      .sort()
      .flatMap((name) => {
        const setting = scrapeSetting(name);
        return setting ? [[setting, annotations[name] ?? '']] : [];
      }),
  );

function withProbes(pod: PodObject, { values, proxyConfig, original }: FinishOptions): PodObject {
  const annotations = pod.metadata.annotations ?? {};
  const hasProxy = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].some(
    ({ name }) => name === proxyContainerName,
  );
  if (!hasProxy || !rewritesProbes(annotations, values.sidecarInjectorWebhook.rewriteAppHTTPProbe)) return pod;
  const statusPort = proxyConfig.statusPort ?? 15_020;
  const earlier = proberEnv(original);
  const probers = mergeProbers(earlier, buildProbers(pod, statusPort));
  // A proxy that an earlier injection told of no probes is told of none now (mergeOrAppendProbers).
  const informed =
    probers && (earlier !== undefined || !wasInjected(original))
      ? mapProxy(pod, (container) => addEnv(container, [{ name: 'ISTIO_KUBE_APP_PROBERS', value: probers }]))
      : pod;
  const port = parsePort(annotations['status.sidecar.istio.io/port'] ?? '') ?? statusPort;
  const rewrite = (container: Container): Container =>
    container.name === proxyContainerName ? container : rewriteProbes(container, port);
  return {
    ...informed,
    spec: {
      ...informed.spec,
      containers: informed.spec.containers.map(rewrite),
      ...(informed.spec.initContainers ? { initContainers: informed.spec.initContainers.map(rewrite) } : {}),
    },
  };
}

const wasInjected = ({ metadata }: PodObject): boolean =>
  metadata.annotations?.['sidecar.istio.io/status'] !== undefined;

/** What an earlier injection told the agent to do for the kubelet: its probes were rewritten then. */
function proberEnv(pod: PodObject): string | undefined {
  if (!wasInjected(pod)) return undefined;
  const { spec } = pod;
  const proxies = [...spec.containers, ...(spec.initContainers ?? [])].filter(
    ({ name }) => name === proxyContainerName,
  );
  return proxies.flatMap(({ env = [] }) => env).find(({ name }) => name === 'ISTIO_KUBE_APP_PROBERS')?.value;
}

function withStatus(pod: PodObject, { added, revision, values }: FinishOptions): PodObject {
  const names = (list: readonly { readonly name: string }[] | undefined): string[] | null =>
    list && list.length > 0 ? list.map(({ name }) => name) : null;
  const { initContainers, containers, volumes, imagePullSecrets } = added.spec;
  const status = {
    initContainers: names(initContainers),
    containers: names(containers),
    volumes: names(volumes),
    imagePullSecrets: names(imagePullSecrets),
    revision,
  };
  return annotate(pod, {
    'sidecar.istio.io/status': JSON.stringify(status),
    ...values.sidecarInjectorWebhook.injectedAnnotations,
  });
}

const first = (list: readonly Container[], name: string): Container[] => [
  ...list.filter((one) => one.name === name),
  ...list.filter((one) => one.name !== name),
];
const last = (list: readonly Container[], name: string): Container[] => [
  ...list.filter((one) => one.name !== name),
  ...list.filter((one) => one.name === name),
];

/**
 * The proxy comes last, so that the user's container stays the default one, or first when the application waits for it.
 * Capture rules come last among init containers, their check first.
 */
function reorder(pod: PodObject, { proxyConfig, values }: FinishOptions): PodObject {
  const hold = proxyConfig.holdApplicationUntilProxyStarts || values.global.proxy.holdApplicationUntilProxyStarts;
  const containers = (hold ? first : last)(pod.spec.containers, proxyContainerName);
  const init = pod.spec.initContainers;
  if (!init) return { ...pod, spec: { ...pod.spec, containers } };
  const isNative = init.some(({ name }) => name === proxyContainerName);
  const initContainers = isNative
    ? ['enable-core-dump', proxyContainerName, 'istio-validation', 'istio-init'].reduce(first, init)
    : last(last(first(init, 'istio-validation'), 'istio-init'), 'enable-core-dump');
  return { ...pod, spec: { ...pod.spec, containers, initContainers } };
}
