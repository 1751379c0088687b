import { buildAccess } from './access.ts';
import { buildNetworkPolicy, buildService } from './network.ts';
import { buildAutoscaler, buildDisruptionBudget } from './scaling.ts';
import type { Manifest, ManifestOptions, ServiceSpec } from './service-spec.ts';
import { buildWorkload } from './workload.ts';

/** Everything that a service of the control plane needs in a cluster. */
export const buildServiceManifests = (spec: ServiceSpec, options: ManifestOptions): readonly Manifest[] => [
  ...buildAccess(spec, options),
  buildService(spec, options),
  buildWorkload(spec, options),
  buildDisruptionBudget(spec, options),
  ...buildAutoscaler(spec, options),
  buildNetworkPolicy(spec, options),
];
