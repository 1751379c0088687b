import type { Labels } from './service-spec.ts';

/** The labels that select the pods of a service. */
export const selectorOf = (name: string): Labels => ({ app: name });

/** The labels of everything that belongs to a service (Kubernetes documentation, "Recommended Labels"). */
export const labelsOf = (name: string): Labels => ({
  app: name,
  'app.kubernetes.io/name': name,
  'app.kubernetes.io/part-of': 'istio',
  'istio.io/rev': 'default',
});
