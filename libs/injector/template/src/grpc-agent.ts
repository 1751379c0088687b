import { grpcAgentEnv, proxyArgs } from './env.ts';
import { annotationOr, appContainers, imageOf, proxyContainerName, type TemplateInput } from './input.ts';
import { canonicalLabels, sidecarAnnotations } from './metadata.ts';
import type { Container, PodOverlay } from './pod.ts';
import { buildResources } from './quantity.ts';
import { readiness } from './sidecar.ts';
import { certificateMount, proxyMounts, proxyVolumes, userMounts } from './volumes.ts';

/** Template `grpc-agent`: an agent without Envoy, which serves a proxyless gRPC application its xDS and certificate. */
export function buildGrpcAgent(input: TemplateInput): PodOverlay {
  const { imagePullSecrets } = input.values.global;
  return {
    metadata: {
      labels: canonicalLabels(input),
      annotations: {
        ...sidecarAnnotations({ ...input, values: { ...input.values, istio_cni: { enabled: false, chained: true } } }),
        'sidecar.istio.io/rewriteAppHTTPProbers': 'false',
      },
    },
    spec: {
      containers: [agentContainer(input), ...appContainers(input).map(({ name }) => application(name, input))],
      volumes: proxyVolumes(input, 'grpc'),
      ...(imagePullSecrets.length > 0 ? { imagePullSecrets: imagePullSecrets.map((name) => ({ name })) } : {}),
    },
  };
}

function agentContainer(input: TemplateInput): Container {
  const { proxy, imagePullPolicy } = input.values.global;
  const hasStatus = annotationOr(input, 'status.sidecar.istio.io/port', proxy.statusPort) !== '0';
  const wait = ['pilot-agent', 'wait', '--url=http://localhost:15020/healthz/ready'];
  return {
    name: proxyContainerName,
    image: imageOf(input, proxy.image),
    ports: [{ containerPort: 15_020, protocol: 'TCP', name: 'mesh-metrics' }],
    args: proxyArgs(input, 'sidecar'),
    lifecycle: { postStart: { exec: { command: wait } } },
    env: grpcAgentEnv(input),
    ...(imagePullPolicy ? { imagePullPolicy } : {}),
    // Without a status port, Istio leaves out what follows as well.
    ...(hasStatus
      ? {
          readinessProbe: readiness(input, 15_020),
          resources: buildResources(input),
          volumeMounts: proxyMounts(input, 'grpc'),
        }
      : { volumeMounts: userMounts(input) }),
  };
}

/** Where the application's gRPC library finds its bootstrap, and its certificate. */
const application = (name: string, input: TemplateInput): Container => ({
  name,
  env: [
    { name: 'GRPC_XDS_EXPERIMENTAL_SECURITY_SUPPORT', value: 'true' },
    { name: 'GRPC_XDS_BOOTSTRAP', value: '/etc/istio/proxy/grpc-bootstrap.json' },
  ],
  volumeMounts: [
    { mountPath: '/var/lib/istio/data', name: 'istio-data' },
    { mountPath: '/etc/istio/proxy', name: 'istio-xds' },
    certificateMount(input),
  ],
});
