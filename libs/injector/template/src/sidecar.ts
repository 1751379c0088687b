import { maxUint32, parseUint } from '@flotilla/std';
import { proxyArgs, proxyEnv, usesTproxy } from './env.ts';
import { annotationOr, imageOf, proxyContainerName, type TemplateInput } from './input.ts';
import { buildInitContainers } from './init-containers.ts';
import { sidecarAnnotations, sidecarLabels } from './metadata.ts';
import { buildResources } from './quantity.ts';
import type { Container, PodOverlay, Probe } from './pod.ts';
import { proxyMounts, proxyVolumes } from './volumes.ts';

/** Template `sidecar`: the capture rules, and a proxy beside the application. */
export function buildSidecar(input: TemplateInput): PodOverlay {
  const proxy = buildProxy(input);
  const before = buildInitContainers(input);
  const { imagePullSecrets } = input.values.global;
  return {
    metadata: { labels: sidecarLabels(input), annotations: sidecarAnnotations(input) },
    spec: {
      ...(input.nativeSidecars
        ? { initContainers: [...before, { ...proxy, restartPolicy: 'Always' }] }
        : { ...(before.length > 0 ? { initContainers: before } : {}), containers: [proxy] }),
      volumes: proxyVolumes(input, 'sidecar'),
      ...(imagePullSecrets.length > 0 ? { imagePullSecrets: imagePullSecrets.map((name) => ({ name })) } : {}),
    },
  };
}

function buildProxy(input: TemplateInput): Container {
  const { proxy, imagePullPolicy } = input.values.global;
  const hold = input.proxyConfig.holdApplicationUntilProxyStarts || proxy.holdApplicationUntilProxyStarts;
  const lifecycle =
    Object.keys(proxy.lifecycle).length > 0
      ? proxy.lifecycle
      : hold
        ? { postStart: { exec: { command: ['pilot-agent', 'wait'] } } }
        : undefined;
  const hasStatus = annotationOr(input, 'status.sidecar.istio.io/port', proxy.statusPort) !== '0';
  return {
    name: proxyContainerName,
    image: imageOf(input, proxy.image),
    ports: [{ containerPort: 15_090, protocol: 'TCP', name: 'http-envoy-prom' }],
    args: proxyArgs(input, 'sidecar'),
    ...(lifecycle ? { lifecycle } : {}),
    env: proxyEnv(input, 'sidecar'),
    ...(imagePullPolicy ? { imagePullPolicy } : {}),
    ...(hasStatus ? { [input.nativeSidecars ? 'startupProbe' : 'readinessProbe']: readiness(input, 15_021) } : {}),
    securityContext: securityContext(input),
    resources: buildResources(input),
    volumeMounts: proxyMounts(input, 'sidecar'),
  };
}

/** The probe of the agent's readiness on a port. */
export function readiness(input: TemplateInput, port: number): Probe {
  const { proxy } = input.values.global;
  const number = (name: string, value: number): number => {
    const given = parseUint(String(annotationOr(input, `readiness.status.sidecar.istio.io/${name}`, value)), maxUint32);
    return given.ok ? given.value : value;
  };
  return {
    httpGet: { path: '/healthz/ready', port },
    initialDelaySeconds: number('initialDelaySeconds', proxy.readinessInitialDelaySeconds),
    periodSeconds: number('periodSeconds', proxy.readinessPeriodSeconds),
    timeoutSeconds: 3,
    failureThreshold: number('failureThreshold', proxy.readinessFailureThreshold),
  };
}

/**
 * As user 1337, whom the capture rules leave alone; as root only for transparent capture, low ports or traced rules.
 */
function securityContext(input: TemplateInput): object {
  const { proxy } = input.values.global;
  const readOnlyRootFilesystem =
    annotationOr(input, 'sidecar.istio.io/enableCoreDump', proxy.enableCoreDump) !== 'true';
  if (input.proxyConfig.proxyMetadata?.['IPTABLES_TRACE_LOGGING'] === 'true') {
    return {
      allowPrivilegeEscalation: true,
      capabilities: { add: ['NET_ADMIN'], drop: ['ALL'] },
      privileged: true,
      readOnlyRootFilesystem,
      runAsGroup: 1337,
      runAsNonRoot: false,
      runAsUser: 0,
    };
  }
  const binds = annotationOr(input, 'sidecar.istio.io/capNetBindService', proxy.capNetBindService) === 'true';
  const add = [...(usesTproxy(input) ? ['NET_ADMIN'] : []), ...(binds ? ['NET_BIND_SERVICE'] : [])];
  return {
    allowPrivilegeEscalation: proxy.privileged,
    capabilities: { ...(add.length > 0 ? { add } : {}), drop: ['ALL'] },
    privileged: proxy.privileged,
    readOnlyRootFilesystem,
    runAsGroup: 1337,
    ...(add.length > 0 ? { runAsNonRoot: false, runAsUser: 0 } : { runAsNonRoot: true, runAsUser: 1337 }),
  };
}
