import { isRecord } from '@flotilla/std';

type Plain = Readonly<Record<string, unknown>>;

/** The API server's limit for all annotations of an object together (Kubernetes, TotalAnnotationSizeLimitB). */
const maxAnnotations = 256 << 10;
const sizeOf = (map: Readonly<Record<string, string>>): number =>
  Object.entries(map).reduce((sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value), 0);

const lists = ['containers', 'initContainers', 'volumes', 'imagePullSecrets'];
const itemLists = ['env', 'ports', 'volumeMounts'];

/** What keeps an object from being a Pod, in the fields that injection reads; undefined when nothing does. */
export function podProblem(object: unknown): string | undefined {
  const wrongType = (value: unknown, path: string): string =>
    `json: cannot unmarshal ${Array.isArray(value) ? 'array' : typeof value} into ${path}`;
  if (!isRecord(object)) return wrongType(object, 'v1.Pod');
  const { metadata = {}, spec } = object;
  if (!isRecord(metadata)) return wrongType(metadata, 'v1.Pod.metadata');
  for (const field of ['labels', 'annotations']) {
    const map = metadata[field] ?? {};
    if (!isRecord(map) || Object.values(map).some((value) => typeof value !== 'string'))
      return wrongType(map, `v1.ObjectMeta.metadata.${field} of type map[string]string`);
  }
  const size = sizeOf((metadata['annotations'] ?? {}) as Readonly<Record<string, string>>);
  if (size > maxAnnotations)
    return `metadata.annotations: Too long: must have at most ${maxAnnotations} bytes, but has ${size}`;
  const owners = metadata['ownerReferences'] ?? [];
  if (
    !Array.isArray(owners) ||
    !owners.every((one) => isRecord(one) && typeof one['name'] === 'string' && typeof one['kind'] === 'string')
  )
    return wrongType(owners, 'v1.ObjectMeta.metadata.ownerReferences');
  if (!isRecord(spec) || !Array.isArray(spec['containers']))
    return wrongType(
      isRecord(spec) ? spec['containers'] : spec,
      'Go struct field PodSpec.spec.containers of type []v1.Container',
    );
  for (const field of lists) {
    const list = spec[field] ?? [];
    if (!Array.isArray(list) || !list.every(isRecord)) return wrongType(list, `Go struct field PodSpec.spec.${field}`);
    for (const item of list as Plain[]) {
      if (field !== 'imagePullSecrets' && typeof item['name'] !== 'string')
        return wrongType(item['name'], `Go struct field PodSpec.spec.${field}.name of type string`);
      const bad = itemLists.find(
        (name) => item[name] !== undefined && !(Array.isArray(item[name]) && (item[name] as unknown[]).every(isRecord)),
      );
      if (bad) return wrongType(item[bad], `Go struct field Container.spec.${field}.${bad}`);
    }
  }
  return undefined;
}
