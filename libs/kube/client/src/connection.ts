import { Agent, type RequestOptions } from 'node:https';

/** How to reach an API server, and the credentials to use. */
export interface Connection {
  /** `https://10.96.0.1:443`, without a path. */
  readonly server: URL;
  /** An agent that makes a new connection for each request; undefined when the agent of `options` does so. */
  readonly freshAgent: Agent | undefined;
  /** Certificates, credentials and agent for one request; a token is read again when its file has changed. */
  options(): Promise<RequestOptions>;
}

export interface ConnectionOptions {
  /** Path of a kubeconfig; by default the ServiceAccount of the pod that this runs in is used. */
  readonly kubeconfig?: string | undefined;
  /** A context of the kubeconfig; by default its current one. */
  readonly kubeContext?: string | undefined;
}

/**
 * Reads a kubeconfig, or what Kubernetes mounts into a pod (Kubernetes documentation, "Accessing the Kubernetes API
 * from a Pod"). Throws when there is no cluster. The library is only loaded here, because it takes about 70 MB of
 * memory.
 */
export async function openConnection({ kubeconfig, kubeContext }: ConnectionOptions): Promise<Connection> {
  const { KubeConfig } = await import('./kubeconfig.ts');
  const config = new KubeConfig();
  if (kubeconfig === undefined) config.loadFromCluster();
  else config.loadFromFile(kubeconfig);
  if (kubeContext !== undefined) config.setCurrentContext(kubeContext);
  const cluster = config.getCurrentCluster();
  if (!cluster)
    throw new Error(
      kubeconfig === undefined
        ? 'not running in a pod with a ServiceAccount token: set --kubeconfig'
        : `${kubeconfig} has no cluster for the context ${config.getCurrentContext()}: choose one with --kube-context`,
    );
  // Behind a proxy the library's own agent is needed; it makes a new connection for each request.
  const agent = cluster.proxyUrl === undefined ? new Agent({ keepAlive: true, keepAliveMsecs: 30_000 }) : undefined;
  return {
    server: new URL(cluster.server),
    freshAgent: agent && new Agent(),
    async options() {
      const options: RequestOptions = {};
      await config.applyToHTTPSOptions(options);
      return agent ? { ...options, agent } : options;
    },
  };
}
