import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createKubeClient, openConnection } from '@flotilla/kube-client';
import type { KubeApi, KubeResource } from '@flotilla/kube-port';
import type { RunningApi } from './api.ts';
import { builtProgram } from './build.ts';
import { importImage, pauseImage, writePauseImage } from './images.ts';
import { addresses } from './settings.ts';
import { makeVolumes } from './volumes.ts';

const nodes: KubeResource = { group: '', versions: ['v1'], plural: 'nodes', clusterScoped: true };
const services: KubeResource = { group: '', versions: ['v1'], plural: 'services' };
const slices: KubeResource = { group: 'discovery.k8s.io', versions: ['v1'], plural: 'endpointslices' };

/** Starts everything that runs pods on the one node of a cluster; resolves when the node is ready. */
export async function startNode({ machine, kubeconfig }: RunningApi, address: string): Promise<void> {
  const { folder } = machine;
  const file = (name: string): string => join(folder, name);
  writeNodeFiles(folder);
  machine.start('containerd', ['containerd', '--config', file('containerd.toml')]);
  await machine.waitFor('containerd', 20, () => {
    try {
      return machine.run(['ctr', '--address', file('containerd.sock'), 'version']) !== '';
    } catch {
      return false;
    }
  });
  writePauseImage(file('pause.tar'));
  importImage(machine, file('pause.tar'));
  const asAdmin = `--kubeconfig=${kubeconfig}`;
  machine.start('kube-controller-manager', [
    builtProgram('kube-controller-manager'),
    asAdmin,
    '--service-account-private-key-file=tokens.key',
    '--root-ca-file=ca.crt',
    '--cluster-signing-cert-file=ca.crt',
    '--cluster-signing-key-file=ca.key',
    '--use-service-account-credentials',
    '--leader-elect=false',
  ]);
  machine.start('kube-scheduler', [builtProgram('kube-scheduler'), asAdmin, '--leader-elect=false']);
  machine.start('kubelet', [
    builtProgram('kubelet'),
    asAdmin,
    `--config=${file('kubelet.json')}`,
    `--root-dir=${file('kubelet')}`,
    `--cert-dir=${file('kubelet-certificates')}`,
    '--hostname-override=node1',
    `--node-ip=${address}`,
  ]);
  machine.start('kube-proxy', [
    builtProgram('kube-proxy'),
    asAdmin,
    '--hostname-override=node1',
    '--proxy-mode=iptables',
    `--cluster-cidr=${addresses.pods}`,
    '--conntrack-max-per-core=0',
  ]);
  const api = createKubeClient({ connection: await openConnection({ kubeconfig }) });
  await machine.waitFor('kubelet', 60, async () => isReady(await api.get(nodes, { name: 'node1' })));
  const labels = { 'topology.kubernetes.io/region': 'local', 'topology.kubernetes.io/zone': 'local-a' };
  await api.patch(nodes, { name: 'node1' }, { type: 'merge', body: { metadata: { labels } } });
  await makeVolumes(api, folder);
  await startDns({ machine, api, kubeconfig, address });
}

function isReady(node: unknown): boolean {
  const { status } = (node ?? {}) as { status?: { conditions?: readonly { type: string; status: string }[] } };
  return status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') ?? false;
}

function writeNodeFiles(folder: string): void {
  const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
  mkdirSync(join(folder, 'cni'), { recursive: true });
  const bridge = {
    type: 'bridge',
    bridge: 'pods0',
    isGateway: true,
    ipMasq: true,
    hairpinMode: true,
    ipam: { type: 'host-local', ranges: [[{ subnet: addresses.pods }]], routes: [{ dst: '0.0.0.0/0' }] },
  };
  const ports = { type: 'portmap', capabilities: { portMappings: true } };
  write('cni/10-pods.conflist', JSON.stringify({ cniVersion: '0.4.0', name: 'pods', plugins: [bridge, ports] }));
  // restrict_oom_score_adj: without it, no container starts where even root may not lower the OOM score.
  write(
    'containerd.toml',
    `version = 2
root = "${folder}/containerd/root"
state = "${folder}/containerd/state"
[grpc]
address = "${folder}/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "${pauseImage}"
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
conf_dir = "${folder}/cni"
`,
  );
  const kubelet = {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: join(folder, 'ca.crt') },
    },
    authorization: { mode: 'Webhook' },
    cgroupDriver: 'cgroupfs',
    failCgroupV1: false,
    failSwapOn: false,
    clusterDNS: [addresses.dnsService],
    clusterDomain: 'cluster.local',
    containerRuntimeEndpoint: `unix://${folder}/containerd.sock`,
    evictionHard: { 'memory.available': '50Mi', 'nodefs.available': '1%', 'imagefs.available': '1%' },
    localStorageCapacityIsolation: false,
  };
  write('kubelet.json', JSON.stringify(kubelet));
}

interface Dns {
  readonly machine: RunningApi['machine'];
  readonly api: KubeApi;
  readonly kubeconfig: string;
  readonly address: string;
}

/** Starts CoreDNS on the node, behind the Service that pods use. */
async function startDns({ machine, api, kubeconfig, address }: Dns): Promise<void> {
  const corefile = join(machine.folder, 'Corefile');
  const zones = 'cluster.local in-addr.arpa';
  writeFileSync(
    corefile,
    `.:53 {\n  bind ${address}\n  kubernetes ${zones} {\n    kubeconfig ${kubeconfig}\n  }\n  errors\n}\n`,
  );
  machine.start('coredns', [builtProgram('coredns'), '-conf', corefile]);
  const ports = [
    { name: 'dns', port: 53, protocol: 'UDP' },
    { name: 'dns-tcp', port: 53, protocol: 'TCP' },
  ];
  const metadata = { name: 'kube-dns', namespace: 'kube-system' };
  await api.create(services, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata,
    spec: { clusterIP: addresses.dnsService, ports },
  });
  await api.create(slices, {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { ...metadata, labels: { 'kubernetes.io/service-name': metadata.name } },
    addressType: 'IPv4',
    endpoints: [{ addresses: [address] }],
    ports,
  });
}
