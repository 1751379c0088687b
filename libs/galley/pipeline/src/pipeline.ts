import { deepEqual } from '@flotilla/std';
import { findDanglingReferences } from '@flotilla/galley-validation';
import {
  collections,
  keyOf,
  printableProblem,
  type AnyResource,
  type Batch,
  type Delete,
  type Problem,
  type Put,
  type TraceParent,
} from '@flotilla/model';
import { Holders } from './holders.ts';
import { idOf } from './read-document.ts';
import {
  duplicate,
  originOf,
  readFile,
  type Entry,
  type FileChange,
  type FileState,
  type ReadingDocument,
} from './read-file.ts';

/**
 * From files to batches. What is wrong with a document is a problem and takes nothing else down; of a resource that
 * can't be read any more the last good version stays in force, until its document or its file is gone. The same
 * resource in two files: the first by path wins.
 */
export class Pipeline {
  readonly #session: string;
  #seq = 0;
  readonly #files = new Map<string, FileState>();
  readonly #holders = new Holders();
  readonly #published = new Map<string, AnyResource>();

  /** In force unless a file says otherwise; part of the first batch. */
  readonly #defaults: ReadonlyMap<string, AnyResource>;
  #started = false;
  readonly #reading: ReadingDocument | undefined;

  constructor(session: string, defaults: readonly AnyResource[] = [], reading?: ReadingDocument) {
    this.#session = session;
    this.#reading = reading;
    this.#defaults = new Map(defaults.map((resource) => [idOf(resource), resource]));
  }

  /** What is in force. */
  get resources(): IterableIterator<AnyResource> {
    return this.#published.values();
  }

  /** All that is wrong now, by file; last what resources name that isn't there. */
  get problems(): readonly Problem[] {
    const own = [...this.#files].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, { problems }]) => problems);
    const duplicates = [...this.#holders.entries()].flatMap(([id, [first, ...others]]) =>
      others.flatMap((path): Problem[] => {
        const [inForce, other] = [this.#entry(first, id), this.#entry(path, id)];
        return inForce && other ? [printableProblem({ ...duplicate(id, inForce), origin: originOf(other) })] : [];
      }),
    );
    const dangling = findDanglingReferences(this.resources).map((problem): Problem => {
      const id = (problem.resource ?? '').replace(' ', '|');
      const entry = this.#entry(this.#holders.of(id)[0], id);
      return printableProblem(entry ? { ...problem, origin: originOf(entry) } : problem);
    });
    return [...own, ...duplicates, ...dangling];
  }

  #entry(path: string | undefined, id: string): Entry | undefined {
    return path === undefined ? undefined : this.#files.get(path)?.entries.get(id);
  }

  /** Takes changes of files as one step. The batch is empty when nothing in force differs. */
  apply(changes: readonly FileChange[]): Batch {
    const touched = new Map<string, TraceParent | undefined>(
      this.#started ? [] : [...this.#defaults.keys()].map((id) => [id, undefined]),
    );
    this.#started = true;
    for (const change of changes) for (const id of this.#take(change)) touched.set(id, change.trace);
    const put: Put[] = [];
    const deleted: Delete[] = [];
    for (const [id, trace] of touched) {
      const resource = this.#entry(this.#holders.of(id)[0], id)?.resource ?? this.#defaults.get(id);
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

  #take(change: FileChange): string[] {
    const { path, documents, problem } = change;
    const before = this.#files.get(path);
    const after = documents || problem ? readFile(change, before, this.#reading) : undefined;
    if (after) this.#files.set(path, after);
    else this.#files.delete(path);
    const ids = [...new Set([...(before?.entries.keys() ?? []), ...(after?.entries.keys() ?? [])])];
    for (const id of ids) this.#holders.set(id, path, after?.entries.has(id) ?? false);
    return ids;
  }
}
