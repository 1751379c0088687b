import { root, type Kubectl } from './kubectl.ts';
import type { TestCluster } from './test-cluster.ts';

export type Shape = 'fleet' | 'monolith';
export const systemNamespace = 'istio-system';
const waitSeconds = 240;

/** The answer that a client in a pod got; status 0 without an answer. */
export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
  readonly error?: string;
}
/** The results of a client's continuous load since the last reset. */
export interface Counts {
  readonly requests: number;
  readonly failures: number;
  readonly versions: Readonly<Record<string, number>>;
  readonly lastFailures: readonly { readonly status: number; readonly error: string }[];
}
/** A service of the shop, as it describes a request that it got: whose certificate its proxy saw. */
export interface ShopAnswer {
  readonly name: string;
  readonly version: string;
  readonly peer?: string;
  readonly upstreams?: readonly ShopAnswer[];
}

export const gatewayUrl = `http://istio-ingressgateway.${systemNamespace}.svc/`;

/** Applies a shape, and waits until every Deployment is available. */
export async function install({ kubectl }: TestCluster, shape: Shape): Promise<void> {
  await kubectl(['apply', '--server-side', '-k', `deploy/${shape}`]);
  await allRolledOut(kubectl, systemNamespace);
}

/** Resolves when every Deployment and StatefulSet of a namespace has all its replicas, new and ready. */
export async function allRolledOut(kubectl: Kubectl, namespace: string): Promise<void> {
  const names = await kubectl(['get', 'deployments,statefulsets', '-n', namespace, '-o', 'name']);
  for (const name of names.trim().split('\n'))
    await kubectl(['rollout', 'status', name, '-n', namespace, `--timeout=${waitSeconds}s`]);
}

/** Deploys the shop, and a client in a pod with a proxy (`shop`) and in one without (`outside`). */
export async function deployShop({ kubectl }: TestCluster): Promise<void> {
  await kubectl(['apply', '-f', `${root}/docs/examples/kubernetes/shop.yaml`]);
  await kubectl(['apply', '-f', `${root}/tests/kubernetes/manifests/clients.yaml`]);
  for (const namespace of ['shop', 'outside']) await allRolledOut(kubectl, namespace);
}

export type Place = 'shop' | 'outside';

/** Clients that run in pods, reached through the API server. */
export interface Clients {
  ask(place: Place, url: string, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  /** The load on the gateway from outside the mesh. */
  counts(): Promise<Counts>;
  /** Returns its counts and resets them. */
  reset(): Promise<Counts>;
}

export function createClients({ get, kubectl }: TestCluster): Clients {
  const pathOf = (place: Place, rest: string): string =>
    `/api/v1/namespaces/${place}/services/client:8080/proxy${rest}`;
  return {
    async ask(place, url, headers = {}) {
      const query = new URLSearchParams({ url });
      for (const [name, value] of Object.entries(headers)) query.append('header', `${name}:${value}`);
      return JSON.parse(await get(pathOf(place, `/request?${query}`))) as Answer;
    },
    counts: async () => JSON.parse(await get(pathOf('outside', '/counts'))) as Counts,
    reset: async () =>
      JSON.parse(await kubectl(['create', '--raw', pathOf('outside', '/reset'), '-f', '-'], { input: '{}' })) as Counts,
  };
}

/** Applies objects from YAML. */
export const apply = ({ kubectl }: TestCluster, yaml: string): Promise<string> =>
  kubectl(['apply', '-f', '-'], { input: yaml });
export const remove = ({ kubectl }: TestCluster, yaml: string): Promise<string> =>
  kubectl(['delete', '--ignore-not-found', '-f', '-'], { input: yaml });
