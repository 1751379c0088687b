import { field } from './env.ts';
import type { TemplateInput } from './input.ts';
import type { PodOverlay } from './pod.ts';

const volume = { name: 'grpc-io-proxyless-bootstrap', mountPath: '/var/lib/grpc/data/' };
const bootstrapFile = `${volume.mountPath}bootstrap.json`;

/** Writes the bootstrap of a gRPC application; the shell fills in what only the running pod knows. */
const script = `NODE_ID="sidecar~\${INSTANCE_IP}~\${POD_NAME}.\${POD_NAMESPACE}~cluster.local"
SERVER_URI="dns:///istiod.\${ISTIO_NAMESPACE}.svc:15010"
echo '
{
  "xds_servers": [
    {
      "server_uri": "'\${SERVER_URI}'",
      "channel_creds": [{"type": "insecure"}],
      "server_features" : ["xds_v3"]
    }
  ],
  "node": {
    "id": "'\${NODE_ID}'",
    "metadata": {
      "GENERATOR": "grpc"
    }
  }
}' > ${bootstrapFile}`;

/** Template `grpc-simple`: a proxyless gRPC application that reads a bootstrap which names istiod, without an agent. */
export const buildGrpcSimple = ({ pod, values }: TemplateInput): PodOverlay => ({
  metadata: { labels: {}, annotations: { 'sidecar.istio.io/rewriteAppHTTPProbers': 'false' } },
  spec: {
    initContainers: [
      {
        name: 'grpc-bootstrap-init',
        image: 'busybox:1.28',
        volumeMounts: [volume],
        env: [
          field('INSTANCE_IP', 'status.podIP'),
          field('POD_NAME', 'metadata.name'),
          field('POD_NAMESPACE', 'metadata.namespace'),
          { name: 'ISTIO_NAMESPACE', value: `${values.global.istioNamespace}\n` },
        ],
        command: ['sh', '-c', script],
      },
    ],
    containers: pod.spec.containers.map(({ name }) => ({
      name,
      env: [
        { name: 'GRPC_XDS_BOOTSTRAP', value: bootstrapFile },
        { name: 'GRPC_GO_LOG_VERBOSITY_LEVEL', value: '99' },
        { name: 'GRPC_GO_LOG_SEVERITY_LEVEL', value: 'info' },
      ],
      volumeMounts: [volume],
    })),
    volumes: [{ name: volume.name, emptyDir: {} }],
  },
});
