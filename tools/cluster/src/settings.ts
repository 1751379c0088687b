import { homedir } from 'node:os';
import { join } from 'node:path';

export const kubernetesVersion = '1.34.2';
export const coreDnsVersion = '1.12.0';

/** Where builds are kept for all checkouts on this machine: below `FLOTILLA_CACHE`, or else `~/.cache/flotilla`. */
export const cacheFolder = (): string => {
  const { FLOTILLA_CACHE: own, XDG_CACHE_HOME: user } = process.env;
  return join(own ?? join(user ?? join(homedir(), '.cache'), 'flotilla'), 'cluster');
};

/** The state of the cluster that the commands work on: `FLOTILLA_CLUSTER`, or else one folder per user. */
export const stateFolder = (): string =>
  process.env['FLOTILLA_CLUSTER'] ?? `/tmp/flotilla-cluster-${process.getuid?.() ?? 0}`;

/** The Debian package that contains each program. */
export const debianPackages: Readonly<Record<string, string>> = {
  etcd: 'etcd-server',
  containerd: 'containerd',
  ctr: 'containerd',
  runc: 'runc',
  conntrack: 'conntrack',
  iptables: 'iptables',
  ip: 'iproute2',
  socat: 'socat',
  openssl: 'openssl',
  '/usr/lib/cni/bridge': 'containernetworking-plugins',
};

/** Addresses within the cluster's network, the same in every cluster. */
export const addresses = {
  services: '10.96.0.0/12',
  apiService: '10.96.0.1',
  dnsService: '10.96.0.10',
  pods: '10.244.0.0/16',
} as const;
