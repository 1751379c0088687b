import { buildResources } from './quantity.ts';
import { annotationOr, hasAnnotation, imageOf, interceptionMode, type TemplateInput } from './input.ts';
import { initEnv } from './env.ts';
import { excludedInboundPorts } from './metadata.ts';
import type { Container } from './pod.ts';

const pullPolicy = ({ values }: TemplateInput): object =>
  values.global.imagePullPolicy ? { imagePullPolicy: values.global.imagePullPolicy } : {};

/**
 * What runs before the application: the capture rules (or their check, with the CNI plugin), and core dumps when asked
 * for.
 */
export function buildInitContainers(input: TemplateInput): Container[] {
  const dumps =
    annotationOr(input, 'sidecar.istio.io/enableCoreDump', input.values.global.proxy.enableCoreDump) === 'true';
  return [
    ...(interceptionMode(input) === 'NONE' ? [] : [captureContainer(input)]),
    ...(dumps ? [coreDumpContainer(input)] : []),
  ];
}

function captureContainer(input: TemplateInput): Container {
  const { proxy, logAsJson, logging, proxy_init: init } = input.values.global;
  const cni = input.values.istio_cni.enabled;
  const traffic = (name: string, value: string): string =>
    annotationOr(input, `traffic.sidecar.istio.io/${name}`, value);
  const optional = (flag: string, name: string, value: string): string[] =>
    hasAnnotation(input, `traffic.sidecar.istio.io/${name}`) || value !== '' ? [flag, traffic(name, value)] : [];
  const excluded = excludedInboundPorts(input);
  const env = initEnv(input);
  return {
    name: cni ? 'istio-validation' : 'istio-init',
    image: imageOf(input, init.image),
    args: [
      'istio-iptables',
      '-p',
      String(input.mesh.proxyListenPort || 15_001),
      '-z',
      String(input.mesh.proxyInboundListenPort || 15_006),
      '-u',
      '1337',
      '-m',
      interceptionMode(input),
      '-i',
      traffic('includeOutboundIPRanges', proxy.includeIPRanges),
      '-x',
      traffic('excludeOutboundIPRanges', proxy.excludeIPRanges),
      '-b',
      traffic('includeInboundPorts', proxy.includeInboundPorts),
      '-d',
      excluded ? `15090,15021,${excluded}` : '15090,15021',
      ...optional('-q', 'includeOutboundPorts', proxy.includeOutboundPorts),
      ...optional('-o', 'excludeOutboundPorts', proxy.excludeOutboundPorts),
      ...(hasAnnotation(input, 'traffic.sidecar.istio.io/kubevirtInterfaces')
        ? ['-k', traffic('kubevirtInterfaces', '')]
        : []),
      ...(hasAnnotation(input, 'traffic.sidecar.istio.io/excludeInterfaces')
        ? ['-c', traffic('excludeInterfaces', '')]
        : []),
      `--log_output_level=${annotationOr(input, 'sidecar.istio.io/agentLogLevel', logging.level)}`,
      ...(logAsJson ? ['--log_as_json'] : []),
      ...(cni ? ['--run-validation', '--skip-rule-apply'] : []),
    ],
    ...pullPolicy(input),
    ...(env.length > 0 ? { env } : {}),
    resources: buildResources(input),
    securityContext: {
      allowPrivilegeEscalation: proxy.privileged,
      privileged: proxy.privileged,
      capabilities: { ...(cni ? {} : { add: ['NET_ADMIN', 'NET_RAW'] }), drop: ['ALL'] },
      ...(cni
        ? { readOnlyRootFilesystem: true, runAsGroup: 1337, runAsUser: 1337, runAsNonRoot: true }
        : { readOnlyRootFilesystem: false, runAsGroup: 0, runAsNonRoot: false, runAsUser: 0 }),
    },
  };
}

const coreDumpContainer = (input: TemplateInput): Container => ({
  name: 'enable-core-dump',
  args: ['-c', 'sysctl -w kernel.core_pattern=/var/lib/istio/data/core.proxy && ulimit -c unlimited'],
  command: ['/bin/sh'],
  image: imageOf(input, input.values.global.proxy_init.image),
  ...pullPolicy(input),
  resources: buildResources(input),
  securityContext: {
    allowPrivilegeEscalation: true,
    capabilities: { add: ['SYS_ADMIN'], drop: ['ALL'] },
    privileged: true,
    readOnlyRootFilesystem: false,
    runAsGroup: 0,
    runAsNonRoot: false,
    runAsUser: 0,
  },
});
