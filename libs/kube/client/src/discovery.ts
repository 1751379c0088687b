import { isNotFound, type ServedKind } from '@flotilla/kube-port';
import { isRecord } from '@flotilla/std';

type Plain = Readonly<Record<string, unknown>>;
/** Sends a GET request and returns the object in the answer. */
type Get = (path: string) => Promise<Plain>;

/**
 * The kinds of the wanted API groups (Kubernetes documentation, "The Kubernetes API", "API groups and versioning"): one
 * request for the groups, then one for each version of a wanted group. Throws KubeError.
 */
export async function discoverKinds(get: Get, isWanted: (group: string) => boolean): Promise<readonly ServedKind[]> {
  const found = new Map<string, ServedKind>();
  for (const group of recordsIn((await get('/apis'))['groups'])) {
    const { name, versions } = group;
    if (typeof name !== 'string' || !isWanted(name)) continue;
    for (const { version } of recordsIn(versions)) {
      if (typeof version !== 'string') continue;
      for (const one of await kindsOf(get, name, version)) {
        const key = `${one.plural}.${name}`;
        const known = found.get(key);
        found.set(key, known ? { ...known, versions: [...known.versions, version] } : one);
      }
    }
  }
  return [...found.values()];
}

/** None when the version is no longer served. */
async function kindsOf(get: Get, group: string, version: string): Promise<readonly ServedKind[]> {
  try {
    const { resources } = await get(`/apis/${group}/${version}`);
    return recordsIn(resources).flatMap(({ name, kind, namespaced, verbs }): readonly ServedKind[] =>
      typeof name === 'string' && typeof kind === 'string' && includesAll(verbs, ['list', 'watch'])
        ? [{ group, versions: [version], plural: name, kind, clusterScoped: namespaced !== true }]
        : [],
    );
  } catch (thrown) {
    if (isNotFound(thrown)) return [];
    throw thrown;
  }
}

const recordsIn = (value: unknown): readonly Plain[] => (Array.isArray(value) ? value.filter(isRecord) : []);
const includesAll = (value: unknown, wanted: readonly string[]): boolean =>
  Array.isArray(value) && wanted.every((one) => value.includes(one));
