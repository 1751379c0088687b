import { labelsOf } from './labels.ts';
import type { Manifest, ManifestOptions, ServiceSpec } from './service-spec.ts';

const apiGroup = 'rbac.authorization.k8s.io';

/** The ServiceAccount of a service with its roles, in all namespaces and in that of the control plane. */
export function buildAccess({ name, rights }: ServiceSpec, { namespace }: ManifestOptions): readonly Manifest[] {
  const labels = labelsOf(name);
  const apiVersion = `${apiGroup}/v1`;
  const subjects = [{ kind: 'ServiceAccount', name, namespace }];
  // ClusterRoles have no namespace, so their names have to differ from those of other installations.
  const clusterName = `${name}-${namespace}`;
  const cluster: readonly Manifest[] = [
    { apiVersion, kind: 'ClusterRole', metadata: { name: clusterName, labels }, rules: rights.cluster },
    {
      apiVersion,
      kind: 'ClusterRoleBinding',
      metadata: { name: clusterName, labels },
      roleRef: { apiGroup, kind: 'ClusterRole', name: clusterName },
      subjects,
    },
  ];
  const metadata = { name, namespace, labels };
  const local: readonly Manifest[] = [
    { apiVersion, kind: 'Role', metadata, rules: rights.namespace },
    { apiVersion, kind: 'RoleBinding', metadata, roleRef: { apiGroup, kind: 'Role', name }, subjects },
  ];
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata, automountServiceAccountToken: false },
    ...(rights.cluster.length > 0 ? cluster : []),
    ...(rights.namespace.length > 0 ? local : []),
  ];
}
