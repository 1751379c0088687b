import { Agent, type RequestOptions } from 'node:https';

/** How an API server is reached, and as whom. */
export interface Connection {
  /** `https://10.96.0.1:443`, without a path. */
  readonly server: URL;
  /** Makes a connection for each request. */
  readonly freshAgent: Agent | undefined;
  /** Certificates, credentials and agent of one request; a token is read again when its file has changed. */
  options(): Promise<RequestOptions>;
}

export interface ConnectionOptions {
  /** A kubeconfig; absent: the ServiceAccount of the pod that this runs in. */
  readonly kubeconfig?: string | undefined;
  /** Of the kubeconfig; absent: its current one. */
  readonly kubeContext?: string | undefined;
}

/**
 * Reads a kubeconfig, or what Kubernetes mounts into a pod (Kubernetes documentation, "Accessing the Kubernetes API
 * from a Pod"). Throws when neither names a cluster. The library is loaded here since it takes about 70 MB of memory.
 */
export async function openConnection({ kubeconfig, kubeContext }: ConnectionOptions): Promise<Connection> {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  if (kubeconfig === undefined) config.loadFromCluster();
  else config.loadFromFile(kubeconfig);
  if (kubeContext !== undefined) config.setCurrentContext(kubeContext);
  const cluster = config.getCurrentCluster();
  if (!cluster)
    throw new Error(
      kubeconfig === undefined
        ? 'not in a pod with a ServiceAccount token: name a kubeconfig with --kubeconfig'
        : `${kubeconfig} has no cluster for the context ${config.getCurrentContext()}: choose one with --kube-context`,
    );
  // The library's agent makes a connection for each request; behind a proxy it is the one that knows the way.
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
