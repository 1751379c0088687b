import { Agent, get } from 'node:http';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Cluster } from './cluster/cluster.ts';
import { controlPlane, type Mode } from './control-plane.ts';
import type { Pod } from './cluster/pod.ts';
import { givenName, type StateFolder } from './cluster/state-folder.ts';
import { describeProblem, type DescribedProblem } from './problem-log.ts';
import { followTraces, type Traces } from './traces.ts';

export interface MeshOptions {
  readonly mode: Mode;
  /** Files and folders of Kubernetes and Istio YAML. */
  readonly config: readonly string[];
  /** An empty folder for this run. */
  readonly folder: string;
  readonly tell?: (message: string) => void;
  /** Ends the start before it is done. */
  readonly signal?: AbortSignal;
}

/** `text` is one sentence: level, file and document, path, message. */
export interface MeshProblem {
  readonly text: string;
  readonly isInForce: boolean;
}

/** A whole mesh on this node: control plane, gateway, pods. */
export interface Mesh {
  readonly cluster: Cluster;
  /** The files and folders that it follows, as they were given. */
  readonly config: readonly string[];
  readonly traces: Traces;
  /** Where traffic comes in. */
  readonly gateway: Pod;
  /** The pods that have a proxy. */
  readonly proxies: readonly Pod[];
  /** Sum of a metric over the control plane's services; labels are not told apart. */
  metric(name: string): Promise<number>;
  /** What is wrong with the configuration, as galley reports it, with the paths that the user gave. */
  problems(): Promise<readonly MeshProblem[]>;
  /** The user's name of a file that galley reads; undefined for files that are not the user's. */
  givenName(path: string): string | undefined;
  /** Resolves when every proxy has a stream to pilot, as after a restart of it. */
  untilConnected(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/**
 * Must be called within namespaces of its own (see enterNode). Resolves when every pod is ready; rejects, with all
 * stopped, when one doesn't become so.
 */
export async function startMesh({ mode, config, folder, signal, tell = () => {} }: MeshOptions): Promise<Mesh> {
  const cluster = await Cluster.start({ folder, given: config, ...controlPlane(mode), tell });
  const traces = followTraces(join(folder, 'traces'));
  const close = async (): Promise<void> => {
    traces.close();
    await cluster.close();
  };
  const cancel = (): void => void cluster.close();
  signal?.addEventListener('abort', cancel, { once: true });
  try {
    await cluster.untilReady();
    signal?.throwIfAborted();
    signal?.removeEventListener('abort', cancel);
  } catch (thrown) {
    await close();
    throw thrown;
  }
  const proxies = (): Pod[] =>
    [...cluster.pods.values()].filter(({ containers }) => containers.some(({ name }) => name === 'istio-proxy'));
  const own = mode === 'monolith' ? ['istiod'] : ['pilot', 'galley', 'citadel', 'sidecar-injector'];
  return {
    cluster,
    config,
    traces,
    close,
    get gateway() {
      return cluster.pod('istio-system', 'istio-ingressgateway');
    },
    get proxies() {
      return proxies();
    },
    metric,
    async problems() {
      const page = await fetchText(
        cluster.pod('istio-system', own.includes('galley') ? 'galley' : 'istiod').ip,
        15_014,
        '/debug/problems?json',
      );
      const { problems } = JSON.parse(page) as {
        problems: readonly (DescribedProblem & { readonly code: string })[];
      };
      const named = (text: string): string =>
        text.replace(/\/flotilla\/state\/(\S+)/g, (_, path: string) => givenName(path, config));
      return problems.map(({ code, ...problem }) => ({
        isInForce: problem.level !== 'error' && code !== 'not-supported',
        text: named(describeProblem(atPlace(problem, cluster.state))),
      }));
    },
    givenName(path) {
      const inState = path.replace(/^.*\/flotilla\/state\//, '');
      const name = givenName(inState, config);
      return name === inState ? undefined : name;
    },
    async untilConnected(signal) {
      while ((await metric('pilot_xds')) < proxies().length) await pause(connectedPollMs, undefined, { signal });
    },
  };

  async function metric(name: string): Promise<number> {
    const pages = await Promise.all(
      own.map((service) => fetchText(cluster.pod('istio-system', service).ip, 15_014, '/metrics').catch(() => '')),
    );
    return pages
      .flatMap((page) => page.split('\n'))
      .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
  }
}

/** The folder of state as galley's pod has it. */
const stateFolder = '/flotilla/state/';

/** With the place in the user's file, where what galley reads has it elsewhere. */
function atPlace(problem: DescribedProblem, state: Pick<StateFolder, 'placeOf'>): DescribedProblem {
  const { origin = '', path = '' } = problem;
  const start = origin.indexOf(stateFolder) + stateFolder.length;
  const [file = '', line] = origin.slice(start).split(':');
  const place = origin.includes(stateFolder) ? state.placeOf(file, Number(line), path) : undefined;
  return place ? { ...problem, origin: `${origin.slice(0, start)}${file}:${place.line}:${place.column}` } : problem;
}

const connectedPollMs = 100;
const agent = new Agent({ keepAlive: false });

/** A page over plain HTTP. Rejects when the answer is no 200. */
const fetchText = (host: string, port: number, path: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const sent = get({ host, port, path, agent, timeout: 5000 }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', reject);
      response.on('end', () =>
        response.statusCode === 200
          ? resolve(Buffer.concat(chunks).toString())
          : reject(new Error(`${host}:${port}${path} answered ${response.statusCode}`)),
      );
    });
    sent.on('timeout', () => sent.destroy(new Error(`${host}:${port}${path} did not answer in time`)));
    sent.on('error', reject);
  });
