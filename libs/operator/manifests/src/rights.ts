import { kinds, unsupportedKinds } from '@flotilla/model';
import type { Right, Rights } from './service-spec.ts';

const core = [''];
const leases = { apiGroups: ['coordination.k8s.io'], resources: ['leases'] };
const webhooks = { apiGroups: ['admissionregistration.k8s.io'], resources: ['mutatingwebhookconfigurations'] };

export const noRights: Rights = { cluster: [], namespace: [] };

/** The rights for the Lease that elects the leader of a service's replicas. RBAC can't restrict creation to a name. */
const lease = (name: string): readonly Right[] => [
  { ...leases, verbs: ['create'] },
  { ...leases, resourceNames: [name], verbs: ['get', 'update'] },
];

/** List and watch of every kind of configuration, and of those that galley only warns of, by API group. */
function configuration(): readonly Right[] {
  const all = [...kinds, ...unsupportedKinds.filter(({ isRemoved = false }) => !isRemoved)];
  return [...new Set(all.map(({ group }) => group))].map((group) => ({
    apiGroups: [group],
    resources: [...new Set(all.filter((kind) => kind.group === group).map(({ plural }) => plural))].sort(),
    verbs: ['list', 'watch'],
  }));
}

/** What galley reads, also within istiod. */
export const sourceRights = (): Rights => ({
  cluster: configuration(),
  namespace: [{ apiGroups: core, resources: ['configmaps'], resourceNames: ['istio'], verbs: ['list', 'watch'] }],
});

/** galley reads, and writes only its Lease, by which the one that writes to the bus is elected. */
export const galleyRights = (): Rights => unionOf([sourceRights(), { cluster: [], namespace: lease('galley') }]);

/** citadel is the only reader of Secrets, and writes its root and the ConfigMap with the root certificate. */
export const citadelRights = (): Rights => ({
  cluster: [
    { apiGroups: ['authentication.k8s.io'], resources: ['tokenreviews'], verbs: ['create'] },
    { apiGroups: ['authorization.k8s.io'], resources: ['subjectaccessreviews'], verbs: ['create'] },
    { apiGroups: core, resources: ['namespaces'], verbs: ['list', 'watch'] },
    { apiGroups: core, resources: ['secrets'], verbs: ['list', 'watch'] },
    { apiGroups: core, resources: ['configmaps'], verbs: ['create'] },
    {
      apiGroups: core,
      resources: ['configmaps'],
      resourceNames: ['istio-ca-root-cert'],
      verbs: ['list', 'watch', 'patch'],
    },
  ],
  namespace: [
    { apiGroups: core, resources: ['secrets'], verbs: ['create'] },
    { apiGroups: core, resources: ['secrets'], resourceNames: ['cacerts', 'istio-ca-secret'], verbs: ['get'] },
  ],
});

/**
 * sidecar-injector reads its values, and keeps the root certificate in the configuration of its webhook. It finds that
 * configuration by label, which a right by name does not allow.
 */
export const injectorRights = (): Rights => ({
  cluster: [
    { ...webhooks, verbs: ['list', 'watch'] },
    { ...webhooks, resourceNames: ['istio-sidecar-injector'], verbs: ['get', 'patch'] },
  ],
  namespace: [
    { apiGroups: core, resources: ['configmaps'], resourceNames: ['istio-sidecar-injector'], verbs: ['list', 'watch'] },
    ...lease('sidecar-injector'),
  ],
});

/** The rights of several services together. */
export const unionOf = (all: readonly Rights[]): Rights => ({
  cluster: all.flatMap(({ cluster }) => cluster),
  namespace: all.flatMap(({ namespace }) => namespace),
});
