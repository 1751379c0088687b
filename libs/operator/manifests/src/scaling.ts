import { labelsOf, selectorOf } from './labels.ts';
import type { Manifest, ManifestOptions, ServiceSpec } from './service-spec.ts';

/** Draining nodes evicts one pod of a service at a time. A service with a single replica can be evicted too. */
export function buildDisruptionBudget({ name }: Pick<ServiceSpec, 'name'>, { namespace }: ManifestOptions): Manifest {
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name, namespace, labels: labelsOf(name) },
    spec: { maxUnavailable: 1, selector: { matchLabels: selectorOf(name) } },
  };
}

/** Scales replicas by their CPU usage. Needs the cluster's metrics server; without it, the least number runs. */
export function buildAutoscaler(
  { name, replicas }: Pick<ServiceSpec, 'name' | 'replicas'>,
  { namespace }: ManifestOptions,
): readonly Manifest[] {
  if (typeof replicas === 'number') return [];
  const { least, most } = replicas;
  return [
    {
      apiVersion: 'autoscaling/v2',
      kind: 'HorizontalPodAutoscaler',
      metadata: { name, namespace, labels: labelsOf(name) },
      spec: {
        scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name },
        minReplicas: least,
        maxReplicas: most,
        metrics: [
          { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } },
        ],
      },
    },
  ];
}
