import { deepEqual } from '@flotilla/std';
import {
  collections, keyOf, kindOf, parseMeshConfig, parseMeshNetworks, parseResource, type AnyResource, type Batch, type Delete, type Problem, type Put, type TraceParent,
} from '@flotilla/model';

/** One document of a file: parsed YAML, or why it is none. */
export interface Document { readonly index: number; readonly value?: unknown; readonly problem?: Problem }
/** What a source found in a file; no documents when it is gone, a problem when it could not be read at all. */
export interface FileChange { readonly path: string; readonly documents?: readonly Document[]; readonly problem?: Problem; readonly trace?: TraceParent }

interface Entry { readonly resource: AnyResource; readonly origin: string }
interface FileState { readonly entries: ReadonlyMap<string, Entry>; readonly problems: readonly Problem[] }

const idOf = (resource: AnyResource): string => `${resource.collection}|${keyOf(resource.meta)}`;
const describe = (id: string): string => id.replace('|', ' ');

/**
 * From files to batches. What is wrong with a document is a problem and takes nothing else down; of a resource that can't be read any more the last
 * good version stays in force, until its document or its file is gone. The same resource in two files: the first by path wins.
 */
export class Pipeline {
  readonly #session: string;
  #seq = 0;
  readonly #files = new Map<string, FileState>();
  /** Paths that hold a resource, in order. */
  readonly #holders = new Map<string, string[]>();
  readonly #published = new Map<string, AnyResource>();

  constructor(session: string) {
    this.#session = session;
  }

  /** All that is wrong now, by file. */
  get problems(): readonly Problem[] {
    const own = [...this.#files].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, { problems }]) => problems);
    const duplicates = [...this.#holders].flatMap(([id, [first = '', ...others]]) => others.map((path): Problem => ({
      code: 'duplicate', level: 'error', resource: describe(id), origin: this.#files.get(path)?.entries.get(id)?.origin ?? path,
      message: `${describe(id)} is already in ${this.#files.get(first)?.entries.get(id)?.origin ?? first}, which is in force; remove one of them`,
    })));
    return [...own, ...duplicates];
  }

  /** Takes changes of files as one step. The batch is empty when nothing in force differs. */
  apply(changes: readonly FileChange[]): Batch {
    const touched = new Map<string, TraceParent | undefined>();
    for (const change of changes) for (const id of this.#take(change)) touched.set(id, change.trace);
    const put: Put[] = [];
    const deleted: Delete[] = [];
    for (const [id, trace] of touched) {
      const [holder] = this.#holders.get(id) ?? [];
      const resource = holder === undefined ? undefined : this.#files.get(holder)?.entries.get(id)?.resource;
      const before = this.#published.get(id);
      if (deepEqual(before, resource)) continue;
      if (resource) {
        this.#published.set(id, resource);
        put.push({ resource, ...(trace ? { trace } : {}) });
      } else if (before) {
        this.#published.delete(id);
        deleted.push({ collection: before.collection, key: keyOf(before.meta), ...(trace ? { trace } : {}) });
      }
    }
    this.#seq += 1;
    return { session: this.#session, seq: this.#seq, put, delete: deleted, complete: [] };
  }

  /** The batch that says: this session has now published all there is. */
  complete(): Batch {
    this.#seq += 1;
    return { session: this.#session, seq: this.#seq, put: [], delete: [], complete: collections };
  }

  #take({ path, documents, problem }: FileChange): string[] {
    const before = this.#files.get(path);
    const after = documents || problem ? readFile(path, documents ?? [], { before, problem }) : undefined;
    if (after) this.#files.set(path, after);
    else this.#files.delete(path);
    const ids = [...new Set([...(before?.entries.keys() ?? []), ...(after?.entries.keys() ?? [])])];
    for (const id of ids) {
      const holders = (this.#holders.get(id) ?? []).filter((holder) => holder !== path);
      if (after?.entries.has(id)) holders.push(path);
      if (holders.length > 0) this.#holders.set(id, holders.sort());
      else this.#holders.delete(id);
    }
    return ids;
  }
}

function readFile(path: string, documents: readonly Document[], { before, problem }: { before: FileState | undefined; problem: Problem | undefined }): FileState {
  const entries = new Map<string, Entry>();
  const problems: Problem[] = problem ? [{ ...problem, origin: path }] : [];
  const failed = new Set<string>();
  // A document that is no YAML hides which resource it was: all that the file had stays.
  let keepAll = problem !== undefined;
  for (const document of documents) {
    const origin = `${path}#${document.index}`;
    const tell = (found: readonly Problem[], resource?: string): void => void problems.push(...found.map((p) => ({ ...p, origin, ...(resource ? { resource } : {}) })));
    if (document.problem) {
      keepAll = true;
      tell([document.problem]);
      continue;
    }
    for (const parsed of parseDocument(document.value)) {
      if (!parsed.resource) {
        tell(parsed.problems, parsed.id === undefined ? undefined : describe(parsed.id));
        if (parsed.id !== undefined) failed.add(parsed.id);
        continue;
      }
      const id = idOf(parsed.resource);
      tell(parsed.problems, describe(id));
      const known = entries.get(id);
      if (known) tell([{ code: 'duplicate', level: 'error', message: `${describe(id)} is already in ${known.origin}, which is in force; remove one of them` }], describe(id));
      else entries.set(id, { resource: parsed.resource, origin });
    }
  }
  for (const [id, entry] of before?.entries ?? []) if (!entries.has(id) && (keepAll || failed.has(id))) entries.set(id, entry);
  return { entries, problems };
}

type Plain = Readonly<Record<string, unknown>>;
const isPlain = (value: unknown): value is Plain => typeof value === 'object' && value !== null && !Array.isArray(value);
interface Parsed { readonly id?: string; readonly resource?: AnyResource; readonly problems: readonly Problem[] }

/** Kinds of Kubernetes that the mesh has no use for: no mistake, nothing to tell. */
const isForeign = (value: Plain): boolean => kindOf(value) === undefined && typeof value['kind'] === 'string' && typeof value['apiVersion'] === 'string' && !/(^|\.)istio\.io\//.test(value['apiVersion']);

function parseDocument(value: unknown): Parsed[] {
  if (isPlain(value) && value['kind'] === 'List' && Array.isArray(value['items'])) return value['items'].flatMap(parseDocument);
  if (isMeshConfigMap(value)) return parseMesh(value);
  if (isPlain(value) && isForeign(value)) return [];
  const parsed = parseResource(value);
  if (parsed.ok) return [{ resource: parsed.value.resource, problems: parsed.value.warnings }];
  const meta = isPlain(value) && isPlain(value['metadata']) ? value['metadata'] : {};
  const kind = kindOf(value);
  const name = typeof meta['name'] === 'string' ? meta['name'] : undefined;
  const namespace = kind?.clusterScoped ? '' : typeof meta['namespace'] === 'string' ? meta['namespace'] : 'default';
  return [{ problems: parsed.error, ...(kind && name ? { id: `${kind.collection}|${namespace}/${name}` } : {}) }];
}

/** The ConfigMap `istio` of the system namespace: its keys `mesh` and `meshNetworks`, which a source has parsed. */
const isMeshConfigMap = (value: unknown): value is Plain => isPlain(value) && value['kind'] === 'ConfigMap' && isPlain(value['metadata'])
  && value['metadata']['name'] === 'istio' && value['metadata']['namespace'] === 'istio-system';

function parseMesh(value: Plain): Parsed[] {
  const data = isPlain(value['data']) ? value['data'] : {};
  return ([['mesh', parseMeshConfig], ['meshNetworks', parseMeshNetworks]] as const).flatMap(([key, parse]): Parsed[] => {
    if (data[key] === undefined) return [];
    const parsed = parse(data[key]);
    return [parsed.ok ? { resource: parsed.value, problems: [] } : { problems: parsed.error, id: `${key === 'mesh' ? 'mesh-config' : 'mesh-networks'}|istio-system/istio` }];
  });
}
