import { existsSync, mkdirSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { startApi, type RunningApi } from './api.ts';
import { importImage } from './images.ts';
import { Machine } from './machine.ts';
import { connectMachine } from './network.ts';
import { startNode } from './node.ts';
import { run } from './programs.ts';

/** A one-node Kubernetes, or its API server alone. */
export interface RunningCluster extends RunningApi {
  /** Imports an OCI archive into containerd. */
  load(archive: string): void;
}

const stateMarker = 'kubeconfig';

/** Starts etcd and kube-apiserver on 127.0.0.1 with their state in a folder. Needs no privileges. */
export async function startApiServer(folder: string): Promise<RunningApi> {
  refuseTwice(folder);
  return startApi(new Machine(folder, { apart: false }), '127.0.0.1');
}

/**
 * Starts a whole Kubernetes in namespaces of its own, so that the machine's network only gets one more link. Needs root
 * and cgroups.
 */
export async function startCluster(folder: string): Promise<RunningCluster> {
  refuseTwice(folder);
  mkdirSync(folder, { recursive: true });
  const machine = new Machine(folder, { apart: true });
  machine.enter();
  await machine.waitFor('machine', 5, () => existsSync(join(folder, 'ready')));
  const { node } = connectMachine(machine);
  const api = await startApi(machine, node);
  await startNode(api, node);
  return { ...api, load: (archive) => importImage(machine, archive) };
}

/** Imports an OCI archive into a running cluster. */
export const loadImage = (folder: string, archive: string): void =>
  importImage(new Machine(folder, { apart: true }), archive);

/** Stops a cluster and deletes its state; resolves with whether there was one. */
export async function stopCluster(folder: string): Promise<boolean> {
  if (!existsSync(folder)) return false;
  const apart = new Machine(folder, { apart: true });
  if (apart.first === undefined) {
    const machine = new Machine(folder, { apart: false });
    for (const name of ['kube-apiserver', 'etcd']) machine.signal(name, 'SIGKILL');
    for (const name of ['kube-apiserver', 'etcd']) await machine.ended(name);
  } else {
    // When the first process ends, so do all others in its namespaces, and the namespaces with their mounts and links.
    apart.signal('machine', 'SIGKILL');
    await apart.ended('machine');
    removeControlGroups();
  }
  rmSync(folder, { recursive: true, force: true });
  return true;
}

function refuseTwice(folder: string): void {
  if (existsSync(join(folder, stateMarker)))
    throw new Error(`there is already a cluster in ${folder}: stop it with \`npm run cluster -- down\``);
}

/** Removes the groups that the kubelet leaves behind. Those in use can't be removed, and stay. */
function removeControlGroups(): void {
  const root = '/sys/fs/cgroup';
  const hierarchies = existsSync(join(root, 'cgroup.procs'))
    ? [root]
    : readdirSync(root).map((name) => join(root, name));
  for (const hierarchy of hierarchies)
    for (const name of ['kubepods', 'k8s.io'])
      if (existsSync(join(hierarchy, name)))
        for (const group of run(['find', join(hierarchy, name), '-depth', '-type', 'd'])
          .trim()
          .split('\n'))
          try {
            rmdirSync(group);
          } catch {
            // In use by another cluster.
          }
}
