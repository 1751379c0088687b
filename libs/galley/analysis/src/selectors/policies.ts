import { buildProblem, type Collection, type Problem, type Resource, type ObjectKey } from '@flotilla/model';
import { defineQuery } from '@flotilla/query';
import { hasSelector, selectorOf, type Labels } from '@flotilla/rules';
import type { Check } from '../check.ts';
import { rootNamespace } from '../store.ts';
import type { View } from '../view.ts';
import { labelText, selectsNothing } from '../workloads.ts';

type Policy = 'authorization-policies' | 'request-authentications' | 'peer-authentications' | 'telemetries';

const unknownSelector = (labels: Labels): Problem =>
  buildProblem('ReferencedResourceNotFound', { reference: 'selector', name: labelText(labels) }, 'spec.selector');

/**
 * A policy for which there is no workload with a proxy protects nothing (Istio's authz.AuthorizationPoliciesAnalyzer,
 * here of every kind of policy). In the root namespace, labels select in the whole mesh.
 */
const policySelects = (collection: Policy): Check => ({
  name: `${collection}-workloads`,
  collection,
  query: defineQuery(`${collection}-workloads`, (view: View, key: ObjectKey): readonly Problem[] => {
    const policy = view.get<Collection>(collection, key) as Resource<Policy> | undefined;
    if (!policy) return [];
    const isMeshWide = policy.meta.namespace === rootNamespace(view);
    if (isMeshWide && !hasSelector(policy)) return [];
    const labels = selectorOf(policy);
    if (!selectsNothing(view, labels, isMeshWide ? undefined : policy.meta.namespace)) return [];
    // Of Telemetry, Istio says it as it does of a Gateway (telemetry.SelectorAnalyzer).
    if (collection === 'telemetries') return hasSelector(policy) ? [unknownSelector(labels)] : [];
    const path = hasSelector(policy) ? 'spec.selector' : 'spec';
    return [buildProblem('NoMatchingWorkloadsFound', { labels: labelText(labels) }, path)];
  }),
});

export const policyWorkloads: readonly Check[] = (
  ['authorization-policies', 'request-authentications', 'peer-authentications', 'telemetries'] as const
).map(policySelects);

/** A Gateway whose selector no pod has serves nothing (Istio's gateway.IngressGatewayPortAnalyzer). */
export const gatewayWorkloads: Check = {
  name: 'gateway-workloads',
  collection: 'gateways',
  query: defineQuery('gateway-workloads', (view: View, key: ObjectKey): readonly Problem[] => {
    const labels = view.get('gateways', key)?.spec.selector ?? {};
    if (Object.keys(labels).length === 0 || !selectsNothing(view, labels)) return [];
    return [unknownSelector(labels)];
  }),
};
