import { appContainers, annotationOr, hasAnnotation, interceptionMode, type TemplateInput } from './input.ts';
import type { Strings } from './pod.ts';

/** The name and revision that telemetry shows: given labels, then the common ones, then the owner. */
export function canonicalLabels({ pod, owner }: TemplateInput): Strings {
  const labels = pod.metadata.labels ?? {};
  const first = (...names: readonly string[]): string | undefined =>
    names.map((name) => labels[name]).find((value) => value);
  return {
    'service.istio.io/canonical-name':
      first('service.istio.io/canonical-name', 'app.kubernetes.io/name', 'app') ?? owner.name,
    'service.istio.io/canonical-revision':
      first('service.istio.io/canonical-revision', 'app.kubernetes.io/version', 'version') ?? 'latest',
  };
}

export function sidecarLabels(input: TemplateInput): Strings {
  const labels = input.pod.metadata.labels ?? {};
  const hbone = input.proxyConfig.proxyMetadata?.['ISTIO_META_ENABLE_HBONE'] === 'true';
  return {
    'security.istio.io/tlsMode': labels['security.istio.io/tlsMode'] || 'istio',
    ...(hbone ? { 'networking.istio.io/tunnel': labels['networking.istio.io/tunnel'] || 'http' } : {}),
    ...canonicalLabels(input),
  };
}

const defaultContainers = ['kubectl.kubernetes.io/default-logs-container', 'kubectl.kubernetes.io/default-container'];

export function sidecarAnnotations(input: TemplateInput): Strings {
  const [first] = appContainers(input);
  const names = first ? defaultContainers.filter((name) => !hasAnnotation(input, name)) : [];
  return {
    'istio.io/rev': input.revision || 'default',
    ...Object.fromEntries(names.map((name) => [name, first?.name ?? ''])),
    ...(input.values.istio_cni.enabled ? cniAnnotations(input) : {}),
  };
}

export function gatewayAnnotations(input: TemplateInput): Strings {
  const [first, second] = appContainers(input);
  return {
    'istio.io/rev': input.revision || 'default',
    ...(first && !second ? Object.fromEntries(defaultContainers.map((name) => [name, first.name])) : {}),
  };
}

/** The ports not to capture: the status port comes with what is given. */
export function excludedInboundPorts(input: TemplateInput): string {
  const { statusPort, excludeInboundPorts } = input.values.global.proxy;
  const port = annotationOr(input, 'status.sidecar.istio.io/port', statusPort);
  const given = annotationOr(input, 'traffic.sidecar.istio.io/excludeInboundPorts', excludeInboundPorts);
  if (['', '0'].includes(port.trim())) return given;
  const ports = given
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '' && one !== port);
  return [...ports, port].join(',');
}

/** With the CNI plugin the rules come from annotations, not from an init container. */
function cniAnnotations(input: TemplateInput): Strings {
  const { proxy } = input.values.global;
  const traffic = (name: string, value: string): [string, string][] => {
    const found = annotationOr(input, `traffic.sidecar.istio.io/${name}`, value);
    return found ? [[`traffic.sidecar.istio.io/${name}`, found]] : [];
  };
  const given = (name: string, value: string): [string, string][] =>
    hasAnnotation(input, `traffic.sidecar.istio.io/${name}`) || value !== ''
      ? [[`traffic.sidecar.istio.io/${name}`, annotationOr(input, `traffic.sidecar.istio.io/${name}`, value)]]
      : [];
  return Object.fromEntries([
    ...(input.values.istio_cni.chained
      ? []
      : [
          [
            'k8s.v1.cni.cncf.io/networks',
            withNetwork(input.pod.metadata.annotations?.['k8s.v1.cni.cncf.io/networks'] ?? '', 'default/istio-cni'),
          ],
        ]),
    ['sidecar.istio.io/interceptionMode', interceptionMode(input)],
    ...traffic('includeOutboundIPRanges', proxy.includeIPRanges),
    ...traffic('excludeOutboundIPRanges', proxy.excludeIPRanges),
    ...traffic('includeInboundPorts', proxy.includeInboundPorts),
    ['traffic.sidecar.istio.io/excludeInboundPorts', excludedInboundPorts(input)],
    ...given('includeOutboundPorts', proxy.includeOutboundPorts),
    ...given('excludeOutboundPorts', proxy.excludeOutboundPorts),
    ...traffic('kubevirtInterfaces', ''),
    ...traffic('excludeInterfaces', ''),
  ]);
}

/** Adds a Multus network to a list, in the list's own form, JSON or names (pkg/kube/inject, appendMultusNetwork). */
function withNetwork(existing: string, network: string): string {
  const end = existing.lastIndexOf(']');
  if (end >= 0) return `${existing.slice(0, end)}, {"name": "${network}"}${existing.slice(end)}`;
  return existing === '' ? network : `${existing}, ${network}`;
}
