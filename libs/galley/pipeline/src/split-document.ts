import {
  buildProblem,
  joinPaths,
  kindOf,
  meshObject,
  parseResource,
  type Installation,
  type Problem,
} from '@flotilla/model';
import { meshKeys } from './mesh-config-map.ts';
import type { ObjectName } from './object-id.ts';
import { recognizeKind, type RecognizedKind } from './recognize-kind.ts';
import { isRecord } from '@flotilla/std';

/** One object of a document. */
export interface DocumentObject {
  /** Which one it is; absent when it doesn't say so, or is not for galley. */
  readonly name?: ObjectName;
  readonly object: unknown;
  /** Its path in the document; empty when it is the document. */
  readonly within: string;
  /** About its kind, and why it has no name. */
  readonly problems: readonly Problem[];
}

type Plain = Readonly<Record<string, unknown>>;
const maxListDepth = 3;

/**
 * The objects of a parsed document: a `List` holds several, the ConfigMap `istio` the mesh's configuration. Kinds that
 * the mesh has no use for give none. Never throws.
 */
export function splitDocument(
  value: unknown,
  installation: Pick<Installation, 'systemNamespace'>,
  { within, depth } = { within: '', depth: 0 },
): readonly DocumentObject[] {
  if (isRecord(value) && value['kind'] === 'List' && Array.isArray(value['items'])) {
    if (depth < maxListDepth)
      return value['items'].flatMap((item: unknown, i) =>
        splitDocument(item, installation, { within: joinPaths(within, `items[${i}]`), depth: depth + 1 }),
      );
    const found = `a List in ${maxListDepth} Lists`;
    const problem = buildProblem('WrongType', { expected: 'resources', found }, 'items');
    return [{ object: value, within, problems: [problem] }];
  }
  if (isMeshConfigMap(value, installation)) return meshObjects(value, within);
  const { isRead, problem } = recognize(value);
  if (!isRead) return problem ? [{ object: value, within, problems: [problem] }] : [];
  const name = nameOf(value);
  if (name) return [{ name, object: value, within, problems: problem ? [problem] : [] }];
  const parsed = parseResource(value);
  return [{ object: value, within, problems: parsed.ok ? [] : parsed.error }];
}

/** A document without a kind is read, so that its problem says what it lacks. */
function recognize(value: unknown): RecognizedKind {
  const { apiVersion, kind } = (isRecord(value) ? value : {}) as { apiVersion?: unknown; kind?: unknown };
  return typeof apiVersion === 'string' && apiVersion !== '' && typeof kind === 'string' && kind !== ''
    ? recognizeKind({ apiVersion, kind })
    : { isRead: true };
}

/** Which resource an object is, if it says so; whether it is valid does not matter. */
function nameOf(value: unknown): ObjectName | undefined {
  const kind = kindOf(value);
  const meta = isRecord(value) && isRecord(value['metadata']) ? value['metadata'] : {};
  // YAML 1.1 makes a boolean of a name such as `off`; Kubernetes' decoder makes text of it again.
  const name = ['string', 'boolean', 'number'].includes(typeof meta['name']) ? String(meta['name']) : '';
  if (!kind || name === '') return undefined;
  const given = meta['namespace'];
  const namespace = kind.clusterScoped ? '' : typeof given === 'string' && given !== '' ? given : 'default';
  return { collection: kind.collection, namespace, name };
}

/** The ConfigMap `istio` of the system namespace: its keys `mesh` and `meshNetworks`, which a source has parsed. */
const isMeshConfigMap = (value: unknown, { systemNamespace }: Pick<Installation, 'systemNamespace'>): value is Plain =>
  isRecord(value) &&
  value['kind'] === 'ConfigMap' &&
  isRecord(value['metadata']) &&
  value['metadata']['name'] === 'istio' &&
  value['metadata']['namespace'] === systemNamespace;

function meshObjects(value: Plain, within: string): DocumentObject[] {
  const data = isRecord(value['data']) ? value['data'] : {};
  return meshKeys.flatMap(([key, collection]) =>
    data[key] === undefined
      ? []
      : [
          {
            name: { collection, namespace: meshObject.namespace, name: meshObject.name },
            object: data[key],
            // Paths in it begin with its key.
            within: joinPaths(within, 'data'),
            problems: [],
          },
        ],
  );
}
