import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import type { Container as ContainerSpec, PodObject } from '@flotilla/injector-template';
import { runToEnd, startContainer, type Container, type ContainerOptions } from '../node/container.ts';
import { entrypointOf, programFolders } from '../node/images.ts';
import { nodeAddress, type Network } from '../node/network.ts';
import { createSandbox, type Sandbox } from '../node/sandbox.ts';
import { environmentOf, expand } from './environment.ts';
import type { RunningPod } from './objects.ts';
import { createReadiness } from './probes.ts';
import { prepareVolumes, type VolumeSources } from './volumes.ts';

export const nodeName = 'demo-node';
export interface PodContext {
  readonly network: Network;
  /** A folder for all pods, and one for all logs. */
  readonly folder: string;
  readonly logs: string;
  readonly sources: VolumeSources;
  /** Told whenever what the API would say of the pod has changed. */
  onChange(): void;
}

const probeMs = { unready: 200, ready: 1000 };

/** A pod that runs: its network and file system, its containers, and whether they are ready. */
export class Pod {
  readonly object: PodObject;
  readonly ip: string;
  readonly sandbox: Sandbox;
  readonly containers: readonly Container[];
  isReady = false;
  readonly #close: () => Promise<void>;

  private constructor(parts: {
    object: PodObject;
    ip: string;
    sandbox: Sandbox;
    containers: readonly Container[];
    close: () => Promise<void>;
  }) {
    ({
      object: this.object,
      ip: this.ip,
      sandbox: this.sandbox,
      containers: this.containers,
      close: this.#close,
    } = parts);
  }

  /**
   * Starts an admitted pod: network, volumes, file system, init containers one after the other, then the others.
   * Rejects with what failed; nothing is left then.
   */
  static async start(admitted: PodObject, context: PodContext): Promise<Pod> {
    const uid = randomUUID();
    const { name = '', namespace = 'default' } = admitted.metadata;
    const folder = join(context.folder, uid);
    mkdirSync(folder, { recursive: true });
    const network = await context.network.attach(`pod-${uid.slice(0, 8)}`);
    const object = {
      ...admitted,
      metadata: { ...admitted.metadata, uid },
      spec: { ...admitted.spec, nodeName },
      status: { phase: 'Running', podIP: network.ip, podIPs: [{ ip: network.ip }], hostIP: nodeAddress },
    };
    let sandbox: Sandbox | undefined;
    const containers: Container[] = [];
    const close = async (): Promise<void> => {
      await Promise.all(containers.map((container) => container.close()));
      sandbox?.close();
      await context.network.detach(network);
      rmSync(folder, { recursive: true, force: true });
    };
    try {
      const mounts = await prepareVolumes(object, join(folder, 'volumes'), context.sources);
      sandbox = await createSandbox({
        name,
        namespace: network.namespace,
        folder,
        programs: programFolders(),
        etc: etcOf(object, network.ip),
        mounts,
      });
      const optionsOf = (spec: ContainerSpec): ContainerOptions =>
        containerOptions(object, spec, { ...context, prefix: `${namespace}_${name}` });
      for (const spec of object.spec.initContainers ?? []) await runToEnd(sandbox, optionsOf(spec));
      const checks: (() => Promise<boolean>)[] = [];
      for (const spec of object.spec.containers) {
        const container = startContainer(sandbox, optionsOf(spec));
        containers.push(container);
        checks.push(createReadiness(spec, container, network.ip));
      }
      const pod = new Pod({ object, ip: network.ip, sandbox, containers, close });
      pod.#probe(checks, context.onChange);
      return pod;
    } catch (thrown) {
      await close();
      throw thrown;
    }
  }

  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;
  #probe(checks: readonly (() => Promise<boolean>)[], onChange: () => void): void {
    void Promise.all(checks.map((check) => check())).then((results) => {
      if (this.#isClosed) return;
      const ready = results.every(Boolean);
      const changed = ready !== this.isReady;
      this.isReady = ready;
      this.#timer = setTimeout(() => this.#probe(checks, onChange), ready ? probeMs.ready : probeMs.unready);
      if (changed) onChange();
    });
  }

  container(name: string): Container {
    const found = this.containers.find((container) => container.name === name);
    if (!found) throw new Error(`pod ${this.object.metadata.name} has no container ${name}`);
    return found;
  }

  /** What Services see of it. */
  get running(): RunningPod {
    const {
      metadata: { name = '', namespace = 'default', labels = {} },
      spec,
    } = this.object;
    return {
      name,
      namespace,
      ip: this.ip,
      isReady: this.isReady,
      labels,
      containers: spec.containers,
      ...(typeof spec['hostname'] === 'string' ? { hostname: spec['hostname'] } : {}),
    };
  }

  /** As the API has it. */
  get manifest(): object {
    const status = this.object['status'] as object;
    return {
      ...this.object,
      status: { ...status, conditions: [{ type: 'Ready', status: this.isReady ? 'True' : 'False' }] },
    };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#close();
  }
}

function etcOf({ metadata }: PodObject, ip: string): Record<string, string> {
  const { name = '', namespace = 'default' } = metadata;
  return {
    hostname: `${name}\n`,
    hosts: `127.0.0.1\tlocalhost\n::1\tlocalhost\n${ip}\t${name}\n`,
    'resolv.conf': `nameserver ${nodeAddress}\nsearch ${namespace}.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n`,
    'nsswitch.conf': 'hosts: files dns\n',
    passwd: 'root:x:0:0:root:/root:/bin/sh\nistio-proxy:x:1337:1337::/home:/bin/false\n',
    group: 'root:x:0:\nistio-proxy:x:1337:\n',
  };
}

interface SecurityContext {
  readonly runAsUser?: number;
  readonly runAsGroup?: number;
}

function containerOptions(
  pod: PodObject,
  spec: ContainerSpec,
  { sources, logs, prefix }: Pick<PodContext, 'sources' | 'logs'> & { prefix: string },
): ContainerOptions {
  const own = (spec['securityContext'] ?? {}) as SecurityContext;
  const shared = (pod.spec['securityContext'] ?? {}) as SecurityContext;
  const env = environmentOf(pod, spec, sources);
  const entrypoint = entrypointOf(spec);
  const user = own.runAsUser ?? shared.runAsUser ?? 0;
  const { app = '', version = '' } = pod.metadata.labels ?? {};
  return {
    name: spec.name,
    command: entrypoint.command.map((part) => expand(part, env)),
    user,
    group: own.runAsGroup ?? shared.runAsGroup ?? user,
    env: { ...env, ...entrypoint.env, ...(entrypoint.isStandIn ? { POD_APP: app, POD_VERSION: version } : {}) },
    logFile: join(logs, `${prefix}_${spec.name}.log`),
  };
}
