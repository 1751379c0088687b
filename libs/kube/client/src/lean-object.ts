import type { KubeObject } from '@flotilla/kube-port';
import { isRecord } from '@flotilla/std';

const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';

/**
 * An object of a list or a watch without two parts that no service reads and that would double its size: managedFields,
 * and the copy that `kubectl apply` keeps. Undefined when it has no name. `list` has kind and apiVersion of the items
 * of a list, which lack them.
 */
export function leanObject(value: unknown, list: Pick<KubeObject, 'apiVersion' | 'kind'>): KubeObject | undefined {
  if (!isRecord(value) || !isRecord(value['metadata']) || typeof value['metadata']['name'] !== 'string')
    return undefined;
  const { managedFields: _managed, annotations, ...metadata } = value['metadata'];
  return {
    apiVersion: list.apiVersion,
    kind: list.kind,
    ...value,
    metadata: { ...metadata, ...(isRecord(annotations) ? { annotations: withoutCopy(annotations) } : {}) },
  } as KubeObject;
}

function withoutCopy(annotations: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  if (!Object.hasOwn(annotations, lastApplied)) return annotations;
  const { [lastApplied]: _copy, ...rest } = annotations;
  return rest;
}
