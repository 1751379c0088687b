import { parseBool } from '@flotilla/rules';
import type { AnyResource, Problem } from '@flotilla/model';
import { checkPeerAuthentication, checkRequestAuthentication } from './authentication.ts';
import { checkAuthorizationPolicy } from './authorization-policy.ts';
import { checkDestinationRule, type DestinationRuleOptions } from './destination-rule.ts';
import { checkEnvoyFilter } from './envoy-filter.ts';
import { checkGateway } from './gateway.ts';
import { checkMeshConfig, checkMeshNetworks } from './mesh-config.ts';
import { Report } from './report.ts';
import { checkSelector } from './selector.ts';
import { checkServiceEntry } from './service-entry.ts';
import { checkSidecar } from './sidecar.ts';
import { checkTelemetry } from './telemetry.ts';
import { checkVirtualService } from './virtual-service.ts';
import { checkWasmPlugin } from './wasm-plugin.ts';
import { checkWorkloadEntry, checkWorkloadGroup } from './workload.ts';

export interface ValidateOptions {
  readonly destinationRuleInheritance?: DestinationRuleOptions['inheritance'];
}

/**
 * What is wrong with a resource by itself, as Istio 1.19's validating webhook says it: errors refuse it, warnings
 * don't. The input is parsed (`parseResource`); MeshConfig is merged over its defaults. Resources of Kubernetes are
 * taken as its API server accepted them. Never throws.
 */
export function validate(resource: AnyResource, options: ValidateOptions = {}): readonly Problem[] {
  const report = new Report();
  const dryRun = dryRunMistake(resource);
  if (dryRun !== undefined) report.error('metadata.annotations', dryRun);
  else check(resource, report, options);
  // Istio reports nothing else of a refused mesh configuration.
  const errors = resource.collection === 'mesh-config' ? report.problems.filter(({ level }) => level === 'error') : [];
  return errors.length > 0 ? errors : report.problems;
}

function check(resource: AnyResource, report: Report, options: ValidateOptions): void {
  const { meta } = resource;
  switch (resource.collection) {
    case 'virtual-services':
      return checkVirtualService(resource.spec, meta, report);
    case 'destination-rules':
      return checkDestinationRule(resource.spec, { meta, inheritance: options.destinationRuleInheritance }, report);
    case 'gateways':
      return checkGateway(resource.spec, meta, report);
    case 'service-entries':
      return checkServiceEntry(resource.spec, meta, report);
    case 'workload-entries':
      return checkWorkloadEntry(resource.spec, report);
    case 'workload-groups':
      return checkWorkloadGroup(resource.spec, report);
    case 'sidecars':
      return checkSidecar(resource.spec, meta, report);
    case 'envoy-filters':
      return checkEnvoyFilter(resource.spec, report);
    case 'proxy-configs':
      checkSelector(resource.spec.selector, report);
      return report.error(
        'spec.concurrency',
        (resource.spec.concurrency ?? 0) < 0 ? 'concurrency must be greater than or equal to 0' : undefined,
      );
    case 'peer-authentications':
      return checkPeerAuthentication(resource.spec, report);
    case 'request-authentications':
      return checkRequestAuthentication(resource.spec, report);
    case 'authorization-policies':
      return checkAuthorizationPolicy(resource.spec, meta, report);
    case 'telemetries':
      return checkTelemetry(resource.spec, report);
    case 'wasm-plugins':
      return checkWasmPlugin(resource.spec, report);
    case 'mesh-config':
      return checkMeshConfig(resource.spec, report);
    case 'mesh-networks':
      return checkMeshNetworks(resource.spec, report);
    case 'services':
    case 'endpoint-slices':
    case 'pods':
    case 'nodes':
    case 'namespaces':
      return;
  }
}

/** The annotation that tries a policy out; only AuthorizationPolicies that allow or deny can be. */
function dryRunMistake({ collection, meta, spec }: AnyResource): string | undefined {
  const annotation = 'istio.io/dry-run';
  const value = meta.annotations?.[annotation];
  const name = `${meta.namespace}/${meta.name}`;
  if (value === undefined || ['services', 'endpoint-slices', 'pods', 'nodes', 'namespaces'].includes(collection))
    return undefined;
  if (collection !== 'authorization-policies')
    return `${name} has unsupported annotation ${annotation}, please remove the annotation`;
  const action = (spec as { readonly action?: string }).action ?? 'ALLOW';
  if (action !== 'ALLOW' && action !== 'DENY')
    return `the annotation ${annotation} currently only supports action ALLOW/DENY, found action ${action} in ${name}`;
  const flag = parseBool(value);
  return flag.ok ? undefined : `${name} has annotation ${annotation} with invalid value (${value}): ${flag.error}`;
}
