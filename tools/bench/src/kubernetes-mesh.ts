import type { MeshFile } from './bench-mesh.ts';

/** What a mesh has besides ServiceEntries: objects of Kubernetes, and kinds of services that share less. */
export interface KubernetesSize {
  /** Services with a DestinationRule of two subsets, an EndpointSlice and Pods. */
  readonly services: number;
  readonly pods: number;
  /** Headless Services of bytes, whose endpoints have listeners of their own. */
  readonly headless: number;
  /** ServiceEntries that Envoy resolves by DNS, with outlier detection: what is near comes first. */
  readonly dns: number;
}
export const defaultKubernetes: KubernetesSize = { services: 100, pods: 3, headless: 2, dns: 2 };

const networking = 'networking.istio.io/v1beta1';
const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
const address = (block: number, i: number): string => `10.${block}.${Math.floor(i / 250)}.${1 + (i % 250)}`;

interface ServiceKind {
  readonly name: string;
  readonly namespace: string;
  /** `None`: headless. */
  readonly clusterIP: string;
  readonly port: { readonly name: string; readonly port: number };
  readonly addresses: readonly string[];
}

/** A Service, its EndpointSlice and its Pods. */
function serviceFiles({ name, namespace, clusterIP, port, addresses }: ServiceKind): MeshFile[] {
  const labels = { app: name };
  return [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace },
      spec: { clusterIP, selector: labels, ports: [{ ...port, targetPort: 8080 }] },
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: `${name}-1`, namespace, labels: { 'kubernetes.io/service-name': name } },
      addressType: 'IPv4',
      ports: [{ name: port.name, port: 8080 }],
      endpoints: addresses.map((one) => ({ addresses: [one], conditions: { ready: true } })),
    },
    ...addresses.map((podIP, i) => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: `${name}-${i}`, namespace, labels: { ...labels, version: `v${1 + (i % 2)}` } },
      spec: { containers: [], serviceAccountName: 'default' },
      status: { phase: 'Running', podIP },
    })),
  ].map((object) => ({ name: `${object.kind.toLowerCase()}-${object.metadata.name}.yaml`, object }));
}

const destinationRule = (at: { name: string; namespace: string }, spec: object): MeshFile => ({
  name: `destinationrule-${at.name}.yaml`,
  object: { apiVersion: networking, kind: 'DestinationRule', metadata: at, spec },
});

/** All objects of such a mesh, a file each. */
export function kubernetesFiles(
  { services, pods, headless, dns }: KubernetesSize,
  namespaceOf: (i: number) => string,
): MeshFile[] {
  const addressesOf = (block: number, i: number): string[] => numbers(pods).map((p) => address(block, i * pods + p));
  return [
    ...numbers(services).flatMap((i) => {
      const at = { name: `kube-${i}`, namespace: namespaceOf(i) };
      const subsets = ['v1', 'v2'].map((version) => ({ name: version, labels: { version } }));
      return [
        ...serviceFiles({
          ...at,
          clusterIP: address(101, i),
          port: { name: 'http', port: 80 },
          addresses: addressesOf(102, i),
        }),
        destinationRule(at, { host: at.name, subsets }),
      ];
    }),
    ...numbers(headless).flatMap((i) =>
      serviceFiles({
        name: `headless-${i}`,
        namespace: namespaceOf(i),
        clusterIP: 'None',
        port: { name: 'tcp', port: 5432 },
        addresses: addressesOf(103, i),
      }),
    ),
    ...numbers(dns).flatMap((i) => {
      const at = { name: `dns-${i}`, namespace: namespaceOf(i) };
      const hosts = [`${at.name}.test`];
      const spec = {
        hosts,
        ports: [{ number: 443, name: 'tls', protocol: 'TLS' }],
        resolution: 'DNS',
        endpoints: ['r1/z1', 'r2/z2'].map((locality, e) => ({ address: `e${e}.${at.name}.test`, locality })),
      };
      return [
        {
          name: `serviceentry-${at.name}.yaml`,
          object: { apiVersion: networking, kind: 'ServiceEntry', metadata: at, spec },
        },
        destinationRule(at, {
          host: hosts[0],
          trafficPolicy: { outlierDetection: { consecutive5xxErrors: 3 } },
        }),
      ];
    }),
  ];
}
