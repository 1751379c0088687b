import type { KubeResource } from './kube-object.ts';

const core = (plural: string, rest: Partial<KubeResource> = {}): KubeResource => ({
  group: '',
  versions: ['v1'],
  plural,
  ...rest,
});

/** Kubernetes' own kinds that services use in addition to those that are configuration. */
export const resources = {
  configMaps: core('configmaps'),
  secrets: core('secrets'),
  namespaces: core('namespaces', { clusterScoped: true }),
  leases: core('leases', { group: 'coordination.k8s.io' }),
  tokenReviews: core('tokenreviews', { group: 'authentication.k8s.io', clusterScoped: true }),
  subjectAccessReviews: core('subjectaccessreviews', { group: 'authorization.k8s.io', clusterScoped: true }),
  selfSubjectRulesReviews: core('selfsubjectrulesreviews', { group: 'authorization.k8s.io', clusterScoped: true }),
  certificateSigningRequests: core('certificatesigningrequests', { group: 'certificates.k8s.io', clusterScoped: true }),
  customResourceDefinitions: core('customresourcedefinitions', { group: 'apiextensions.k8s.io', clusterScoped: true }),
  mutatingWebhooks: core('mutatingwebhookconfigurations', {
    group: 'admissionregistration.k8s.io',
    clusterScoped: true,
  }),
  validatingWebhooks: core('validatingwebhookconfigurations', {
    group: 'admissionregistration.k8s.io',
    clusterScoped: true,
  }),
} as const satisfies Readonly<Record<string, KubeResource>>;
