import { keyOf, kindOf, kinds, parseMeshConfig, parseMeshNetworks, parseResource, type AnyResource, type Problem } from '@flotilla/model';
import { validate } from '@flotilla/galley-validation';
import { isForeignKind } from './kubernetes-kinds.ts';

/** One resource of a document, or why there is none; `id` whenever it says which one it is. */
export interface ReadResource { readonly id?: string; readonly resource?: AnyResource; readonly problems: readonly Problem[] }

/** A resource's name over all collections. */
export const idOf = (resource: AnyResource): string => `${resource.collection}|${keyOf(resource.meta)}`;

type Plain = Readonly<Record<string, unknown>>;
const isPlain = (value: unknown): value is Plain => typeof value === 'object' && value !== null && !Array.isArray(value);
const meshGroups = new Set(kinds.map(({ group }) => group));
const maxListDepth = 3;

/** The resources of a parsed document (a `List` holds several), each checked. Kinds that the mesh has no use for are none. Never throws. */
export function readDocument(value: unknown, depth = 0): readonly ReadResource[] {
  if (isPlain(value) && value['kind'] === 'List' && Array.isArray(value['items'])) {
    if (depth < maxListDepth) return value['items'].flatMap((item: unknown, i) => readDocument(item, depth + 1).map((read) => within(`items[${i}]`, read)));
    return [{ problems: [{ code: 'wrong-type', level: 'error', path: 'items', message: `expected resources, found a List in ${maxListDepth} Lists` }] }];
  }
  if (isMeshConfigMap(value)) return readMesh(value);
  if (isPlain(value) && isForeign(value)) return [];
  const parsed = parseResource(value);
  if (parsed.ok) return [checked(parsed.value.resource, parsed.value.warnings)];
  const id = idOfRaw(value);
  return [{ problems: parsed.error, ...(id === undefined ? {} : { id }) }];
}

/** Paths of problems start where the document does. */
const within = (place: string, { problems, ...read }: ReadResource): ReadResource => ({
  ...read, problems: problems.map((problem) => ({ ...problem, path: problem.path ? `${place}.${problem.path}` : place })),
});

function checked(resource: AnyResource, warnings: readonly Problem[]): ReadResource {
  const problems = [...warnings, ...validate(resource)];
  const id = idOf(resource);
  return problems.some(({ level }) => level === 'error') ? { id, problems } : { id, resource, problems };
}

function isForeign(value: Plain): boolean {
  const { apiVersion, kind } = value as { apiVersion?: unknown; kind?: unknown };
  if (kindOf(value) || typeof apiVersion !== 'string' || typeof kind !== 'string') return false;
  return isForeignKind({ group: apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '', kind }, meshGroups);
}

/** Which resource an object that can't be read is, if it says so. */
function idOfRaw(value: unknown): string | undefined {
  const kind = kindOf(value);
  const meta = isPlain(value) && isPlain(value['metadata']) ? value['metadata'] : {};
  const { name, namespace } = meta as { name?: unknown; namespace?: unknown };
  if (!kind || typeof name !== 'string') return undefined;
  return `${kind.collection}|${kind.clusterScoped ? '' : typeof namespace === 'string' && namespace !== '' ? namespace : 'default'}/${name}`;
}

/** The ConfigMap `istio` of the system namespace: its keys `mesh` and `meshNetworks`, which a source has parsed. */
const isMeshConfigMap = (value: unknown): value is Plain => isPlain(value) && value['kind'] === 'ConfigMap' && isPlain(value['metadata'])
  && value['metadata']['name'] === 'istio' && value['metadata']['namespace'] === 'istio-system';

function readMesh(value: Plain): ReadResource[] {
  const data = isPlain(value['data']) ? value['data'] : {};
  return ([['mesh', 'mesh-config', parseMeshConfig], ['meshNetworks', 'mesh-networks', parseMeshNetworks]] as const).flatMap(([key, collection, parse]) => {
    if (data[key] === undefined) return [];
    const parsed = parse(data[key]);
    return [parsed.ok ? checked(parsed.value, []) : { problems: parsed.error, id: `${collection}|istio-system/istio` }];
  });
}
