import { kinds, type KindInfo, type Kinds } from '../kinds.ts';
import { openApiOf } from './open-api.ts';

interface Column {
  readonly name: string;
  readonly jsonPath: string;
  readonly description: string;
  readonly type?: 'string' | 'date';
}
interface Presentation {
  readonly shortNames: readonly string[];
  readonly columns?: readonly Column[];
}

const hosts: Column = { name: 'Hosts', jsonPath: '.spec.hosts', description: 'The hosts that this is about' };
const age: Column = {
  name: 'Age',
  jsonPath: '.metadata.creationTimestamp',
  description: 'How long ago it was created',
  type: 'date',
};

/** The names and columns of each of Istio's kinds in `kubectl get`, as in the CRDs of Istio 1.19. */
const presentations: Partial<Readonly<Record<keyof Kinds, Presentation>>> = {
  'virtual-services': {
    shortNames: ['vs'],
    columns: [{ name: 'Gateways', jsonPath: '.spec.gateways', description: 'Where the routes apply' }, hosts, age],
  },
  'destination-rules': {
    shortNames: ['dr'],
    columns: [{ name: 'Host', jsonPath: '.spec.host', description: 'The service that the rules apply to' }, age],
  },
  gateways: { shortNames: ['gw'] },
  'service-entries': {
    shortNames: ['se'],
    columns: [
      hosts,
      { name: 'Location', jsonPath: '.spec.location', description: 'Whether it is part of the mesh' },
      { name: 'Resolution', jsonPath: '.spec.resolution', description: 'How its addresses are found' },
      age,
    ],
  },
  'workload-entries': {
    shortNames: ['we'],
    columns: [age, { name: 'Address', jsonPath: '.spec.address', description: 'The address of the endpoint' }],
  },
  'workload-groups': { shortNames: ['wg'], columns: [age] },
  'peer-authentications': {
    shortNames: ['pa'],
    columns: [
      { name: 'Mode', jsonPath: '.spec.mtls.mode', description: 'The mode of mTLS for connections to workloads' },
      age,
    ],
  },
  'request-authentications': { shortNames: ['ra'] },
  telemetries: { shortNames: ['telemetry'], columns: [age] },
  'wasm-plugins': { shortNames: [], columns: [age] },
};

/** Istio's kinds that are kept as custom resources. */
export const customKinds: readonly KindInfo[] = kinds.filter(({ group }) => group.endsWith('.istio.io'));

/**
 * The CRD of a kind (Kubernetes API, CustomResourceDefinition v1): every served version with the same structural
 * schema, so that no conversion is needed. The last version is the one that is stored, as with Istio 1.19: what it has
 * stored stays readable.
 */
export function buildCustomResourceDefinition(kind: KindInfo): object {
  const { collection, group, kind: name, plural, versions, schema } = kind;
  const { shortNames, columns } = presentations[collection] ?? { shortNames: [] };
  const openAPIV3Schema = {
    type: 'object',
    properties: {
      spec: openApiOf(schema),
      status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
    },
  };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}`, labels: { app: 'istio-pilot', istio: istioLabel(group) } },
    spec: {
      group,
      scope: 'Namespaced',
      names: {
        kind: name,
        listKind: `${name}List`,
        plural,
        singular: name.toLowerCase(),
        ...(shortNames.length > 0 ? { shortNames } : {}),
        categories: ['istio-io', group.replaceAll('.', '-')],
      },
      versions: versions.map((version, index) => ({
        name: version,
        served: true,
        storage: index === versions.length - 1,
        ...(columns
          ? { additionalPrinterColumns: columns.map(({ type = 'string', ...column }) => ({ ...column, type })) }
          : {}),
        schema: { openAPIV3Schema },
        subresources: { status: {} },
      })),
    },
  };
}

const istioLabel = (group: string): string => group.replace('.istio.io', '');
