import { kubernetesFiles, type KubernetesSize } from './kubernetes-mesh.ts';

/**
 * A mesh of services with endpoints, some with a route of their own, spread over namespaces; and the sidecars that
 * connect to it. Names are the same in each run.
 */
export interface MeshSize {
  readonly services: number;
  readonly endpoints: number;
  readonly namespaces: number;
  readonly everyRoute: number;
  /** What it has besides; nothing by default. */
  readonly kubernetes?: KubernetesSize;
}
export const defaultMesh: MeshSize = { services: 500, endpoints: 3, namespaces: 10, everyRoute: 4 };

type Plain = Readonly<Record<string, unknown>>;
/** A Kubernetes object, and the name of the file that holds it. */
export interface MeshFile {
  readonly name: string;
  readonly object: Plain;
}
/** Envoy's node, as far as a sidecar sends it. */
export interface MeshNode {
  readonly id: string;
  readonly metadata: Plain;
}

const apiVersion = 'networking.istio.io/v1beta1';
const byte = (n: number): number => 1 + (n % 250);
/** The n-th address of a block of 62,500. */
const address = (block: string, n: number): string => `10.${block}.${Math.floor(n / 250)}.${byte(n)}`;

export class Mesh {
  readonly size: MeshSize;

  constructor(size: MeshSize) {
    this.size = size;
  }

  namespace(i: number): string {
    return `team-${i % this.size.namespaces}`;
  }

  host(i: number, name = `shop-${i}`): string {
    return `${name}.${this.namespace(i)}.svc.cluster.local`;
  }

  /** Whether the i-th service has a VirtualService. */
  hasRoute(i: number): boolean {
    return i % this.size.everyRoute === 0;
  }

  /** The first address of the i-th service's endpoints when they have moved so often. */
  endpoint(i: number, moves: number, e = 0): string {
    return address(String(20 + (moves % 200)), i * this.size.endpoints + e);
  }

  entry(i: number, { moves = 0, name = `shop-${i}` } = {}): MeshFile {
    const endpoints = Array.from({ length: this.size.endpoints }, (_, e) => ({
      address: this.endpoint(i, moves, e),
      ports: { http: 8080 },
    }));
    const spec = {
      hosts: [this.host(i, name)],
      addresses: [address('100', i)],
      location: 'MESH_INTERNAL',
      resolution: 'STATIC',
      ports: [{ name: 'http', number: 80, protocol: 'HTTP', targetPort: 8080 }],
      endpoints,
    };
    return {
      name: `entry-${name}.yaml`,
      object: { apiVersion, kind: 'ServiceEntry', metadata: { name, namespace: this.namespace(i) }, spec },
    };
  }

  /** A VirtualService of two routes; `mark` is a header that one of them sets. */
  route(i: number, mark = 'none'): MeshFile {
    const name = `shop-${i}`;
    const route = [{ destination: { host: this.host(i) } }];
    const http = [
      { match: [{ uri: { prefix: '/v2' } }], route, timeout: '5s', headers: { request: { set: { 'x-mark': mark } } } },
      { route, retries: { attempts: 3, retryOn: '5xx' } },
    ];
    return {
      name: `route-${name}.yaml`,
      object: {
        apiVersion,
        kind: 'VirtualService',
        metadata: { name, namespace: this.namespace(i) },
        spec: { hosts: [this.host(i)], http },
      },
    };
  }

  files(): MeshFile[] {
    const { services, kubernetes } = this.size;
    return [
      ...Array.from({ length: services }, (_, i) => [
        this.entry(i),
        ...(this.hasRoute(i) ? [this.route(i)] : []),
      ]).flat(),
      ...(kubernetes ? kubernetesFiles(kubernetes, (i) => this.namespace(i)) : []),
    ];
  }

  node(i: number): MeshNode {
    const namespace = this.namespace(i);
    return {
      id: `sidecar~${address('240', i)}~client-${i}.${namespace}~${namespace}.svc.cluster.local`,
      metadata: {
        ISTIO_VERSION: '1.19.0',
        NAMESPACE: namespace,
        CLUSTER_ID: 'Kubernetes',
        LABELS: { app: 'client' },
        SERVICE_ACCOUNT: 'default',
      },
    };
  }
}
