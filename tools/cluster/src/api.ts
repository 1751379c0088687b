import { mkdirSync } from 'node:fs';
import { request } from 'node:https';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { openConnection, type Connection } from '@flotilla/kube-client';
import { builtProgram, kubebuilderAssets } from './build.ts';
import { makeCertificates, writeKubeconfig } from './certificates.ts';
import { Machine } from './machine.ts';
import { findProgram } from './programs.ts';
import { addresses } from './settings.ts';

/** etcd and kube-apiserver, started and answering. */
export interface RunningApi {
  readonly machine: Machine;
  readonly kubeconfig: string;
  /** The URL of etcd, without TLS. */
  readonly etcdUrl: string;
  /** Kills kube-apiserver; etcd keeps its data. */
  stopApi(): Promise<void>;
  /** Starts it again; resolves when it answers. */
  startApi(): Promise<void>;
}

const apiHosts = (address: string): readonly string[] => [
  '127.0.0.1',
  address,
  addresses.apiService,
  'localhost',
  'kubernetes',
  'kubernetes.default',
  'kubernetes.default.svc',
  'kubernetes.default.svc.cluster.local',
];

/**
 * Starts etcd and kube-apiserver on an address; resolves when they answer. Enough for clients, webhooks and RBAC, and
 * needs no privileges. Rejects when one of them does not come up.
 */
export async function startApi(machine: Machine, address: string): Promise<RunningApi> {
  const { folder } = machine;
  mkdirSync(folder, { recursive: true });
  makeCertificates(folder, apiHosts(address));
  const [apiPort, etcdPort, peerPort] = address === '127.0.0.1' ? await freePorts(3) : [6443, 2379, 2380];
  const kubeconfig = writeKubeconfig(folder, `https://${address}:${apiPort}`);
  const etcdUrl = `http://127.0.0.1:${etcdPort}`;
  const assets = kubebuilderAssets();
  machine.start('etcd', [
    assets ? join(assets, 'etcd') : (findProgram('etcd') ?? 'etcd'),
    `--data-dir=${join(folder, 'etcd')}`,
    `--listen-client-urls=${etcdUrl}`,
    `--advertise-client-urls=${etcdUrl}`,
    `--listen-peer-urls=http://127.0.0.1:${peerPort}`,
    '--unsafe-no-fsync',
  ]);
  const command = [
    assets ? join(assets, 'kube-apiserver') : builtProgram('kube-apiserver'),
    `--etcd-servers=${etcdUrl}`,
    `--service-cluster-ip-range=${addresses.services}`,
    `--bind-address=${address}`,
    // kube-apiserver refuses to advertise a loopback address; nothing connects to this one.
    `--advertise-address=${address === '127.0.0.1' ? '192.0.2.1' : address}`,
    `--secure-port=${apiPort}`,
    '--tls-cert-file=api.crt',
    '--tls-private-key-file=api.key',
    '--client-ca-file=ca.crt',
    '--authorization-mode=RBAC',
    '--allow-privileged',
    '--service-account-issuer=https://kubernetes.default.svc',
    '--service-account-key-file=tokens.pub',
    '--service-account-signing-key-file=tokens.key',
    '--kubelet-client-certificate=admin.crt',
    '--kubelet-client-key=admin.key',
    '--kubelet-preferred-address-types=InternalIP',
  ];
  const startServer = async (): Promise<void> => {
    machine.start('kube-apiserver', command);
    const connection = await openConnection({ kubeconfig });
    await machine.waitFor('kube-apiserver', 60, () => isReady(connection));
  };
  await startServer();
  return {
    machine,
    kubeconfig,
    etcdUrl,
    startApi: startServer,
    async stopApi() {
      machine.signal('kube-apiserver', 'SIGKILL');
      await machine.ended('kube-apiserver');
    },
  };
}

/** Whether it answers and has loaded the RBAC rules (Kubernetes documentation, "Kubernetes API health endpoints"). */
async function isReady({ server, options }: Connection): Promise<boolean> {
  const given = await options();
  return new Promise((resolve) => {
    const { hostname: host, port } = server;
    const sent = request({ ...given, agent: false, host, port, path: '/readyz', timeout: 1000 }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    });
    sent.on('timeout', () => sent.destroy());
    sent.on('error', () => resolve(false));
    sent.end();
  });
}

/** Ports of 127.0.0.1 that nobody listens on. */
async function freePorts(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<ReturnType<typeof createServer>>((resolve) => {
          const server = createServer().listen(0, '127.0.0.1', () => resolve(server));
        }),
    ),
  );
  const ports = servers.map((server) => {
    const address = server.address();
    return typeof address === 'object' && address ? address.port : 0;
  });
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
