import type { KubeObject, Selection } from '@flotilla/kube-port';

/** Whether a selection includes an object: by namespace, by labels `a=b,c!=d,e,!f`, by the field `metadata.name`. */
export function matches({ metadata }: KubeObject, { namespace, labelSelector, fieldSelector }: Selection): boolean {
  const { labels = {} } = metadata;
  return (
    (namespace === undefined || metadata.namespace === namespace) &&
    requirementsOf(labelSelector).every((requirement) => holds(labels, requirement)) &&
    requirementsOf(fieldSelector).every((requirement) => holds({ 'metadata.name': metadata.name }, requirement))
  );
}

/** As much of an object as a selection asks for. */
export const given = (object: KubeObject, { metadataOnly = false }: Selection): KubeObject =>
  metadataOnly ? { apiVersion: 'meta.k8s.io/v1', kind: 'PartialObjectMetadata', metadata: object.metadata } : object;

const requirementsOf = (selector = ''): readonly string[] => selector.split(',').filter((text) => text !== '');

function holds(values: Readonly<Record<string, string>>, requirement: string): boolean {
  const [name = '', value] = requirement.split('=');
  if (name.startsWith('!')) return !Object.hasOwn(values, name.slice(1));
  if (value === undefined) return Object.hasOwn(values, name);
  return name.endsWith('!') ? values[name.slice(0, -1)] !== value : values[name] === value;
}
