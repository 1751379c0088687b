import type { KubeName, KubeResource, Selection } from '@flotilla/kube-port';

/** The path of a kind's objects (Kubernetes API concepts, "Resource URIs"); of one object when a name is given. */
export function pathOf(resource: KubeResource, version: string, { namespace, name }: Partial<KubeName> = {}): string {
  const root = resource.group === '' ? `/api/${version}` : `/apis/${resource.group}/${version}`;
  const within = namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
  return `${root}${within}/${resource.plural}${name === undefined ? '' : `/${encodeURIComponent(name)}`}`;
}

/** A query string with its `?`; parameters that are undefined are left out. */
export function queryOf(parameters: Readonly<Record<string, string | number | undefined>>): string {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined);
  return given.length === 0
    ? ''
    : `?${given.map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`).join('&')}`;
}

/** The media type for a list or a watch; undefined when that is whole objects. */
export const acceptOf = ({ metadataOnly = false }: Selection, form: 'List' | ''): string | undefined =>
  metadataOnly ? `application/json;as=PartialObjectMetadata${form};g=meta.k8s.io;v=v1` : undefined;

/** The parameters that narrow a list or a watch. */
export const selectors = ({
  labelSelector,
  fieldSelector,
}: Selection): Readonly<Record<string, string | undefined>> => ({
  labelSelector,
  fieldSelector,
});
