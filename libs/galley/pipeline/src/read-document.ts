import {
  keyOf,
  kindOf,
  parseMeshConfig,
  parseMeshNetworks,
  parseResource,
  type AnyResource,
  type Problem,
} from '@flotilla/model';
import { validate } from '@flotilla/galley-validation';
import { recognizeKind, type RecognizedKind } from './recognize-kind.ts';

/** One resource of a document, or why there is none; `id` whenever it says which one it is. */
export interface ReadResource {
  readonly id?: string;
  readonly resource?: AnyResource;
  readonly problems: readonly Problem[];
}

/** A resource's name over all collections. */
export const idOf = (resource: AnyResource): string => `${resource.collection}|${keyOf(resource.meta)}`;

type Plain = Readonly<Record<string, unknown>>;
const isPlain = (value: unknown): value is Plain =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const maxListDepth = 3;

/**
 * The resources of a parsed document (a `List` holds several), each checked. Kinds that the mesh has no use for give
 * none. Never throws.
 */
export function readDocument(value: unknown, depth = 0): readonly ReadResource[] {
  if (isPlain(value) && value['kind'] === 'List' && Array.isArray(value['items'])) {
    if (depth < maxListDepth)
      return value['items'].flatMap((item: unknown, i) =>
        readDocument(item, depth + 1).map((read) => within(`items[${i}]`, read)),
      );
    return [
      {
        problems: [
          {
            code: 'wrong-type',
            level: 'error',
            path: 'items',
            message: `expected resources, found a List in ${maxListDepth} Lists`,
          },
        ],
      },
    ];
  }
  if (isMeshConfigMap(value)) return readMesh(value);
  const { isRead, problem } = recognize(value);
  if (!isRead) return problem ? [{ problems: [problem] }] : [];
  const parsed = parseResource(value);
  if (parsed.ok) return [checked(parsed.value.resource, [...(problem ? [problem] : []), ...parsed.value.warnings])];
  const id = idOfRaw(value);
  return [{ problems: parsed.error, ...(id === undefined ? {} : { id }) }];
}

/** Paths of problems start where the document does. */
const within = (place: string, { problems, ...read }: ReadResource): ReadResource => ({
  ...read,
  problems: problems.map((problem) => ({ ...problem, path: problem.path ? `${place}.${problem.path}` : place })),
});

function checked(resource: AnyResource, warnings: readonly Problem[]): ReadResource {
  const problems = [...warnings, ...validate(resource)];
  const id = idOf(resource);
  return problems.some(({ level }) => level === 'error') ? { id, problems } : { id, resource, problems };
}

/** What does not say its kind is read, to be told what it lacks. */
function recognize(value: unknown): RecognizedKind {
  const { apiVersion, kind } = (isPlain(value) ? value : {}) as { apiVersion?: unknown; kind?: unknown };
  return typeof apiVersion === 'string' && apiVersion !== '' && typeof kind === 'string' && kind !== ''
    ? recognizeKind({ apiVersion, kind })
    : { isRead: true };
}

/** Which resource an object that can't be read is, if it says so. */
export function idOfRaw(value: unknown): string | undefined {
  const kind = kindOf(value);
  const meta = isPlain(value) && isPlain(value['metadata']) ? value['metadata'] : {};
  const { name, namespace } = meta as { name?: unknown; namespace?: unknown };
  if (!kind || typeof name !== 'string') return undefined;
  return `${kind.collection}|${kind.clusterScoped ? '' : typeof namespace === 'string' && namespace !== '' ? namespace : 'default'}/${name}`;
}

/** The ConfigMap `istio` of the system namespace: its keys `mesh` and `meshNetworks`, which a source has parsed. */
const isMeshConfigMap = (value: unknown): value is Plain =>
  isPlain(value) &&
  value['kind'] === 'ConfigMap' &&
  isPlain(value['metadata']) &&
  value['metadata']['name'] === 'istio' &&
  value['metadata']['namespace'] === 'istio-system';

function readMesh(value: Plain): ReadResource[] {
  const data = isPlain(value['data']) ? value['data'] : {};
  return (
    [
      ['mesh', 'mesh-config', parseMeshConfig],
      ['meshNetworks', 'mesh-networks', parseMeshNetworks],
    ] as const
  ).flatMap(([key, collection, parse]) => {
    if (data[key] === undefined) return [];
    const parsed = parse(data[key]);
    return [parsed.ok ? checked(parsed.value, []) : { problems: parsed.error, id: `${collection}|istio-system/istio` }];
  });
}
