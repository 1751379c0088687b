import {
  buildProblem,
  defaultInstallation,
  type FileOrigin,
  type Installation,
  type LocatedProblem,
  type ObjectFound,
  type ObjectId,
  type Problem,
  type SourceChange,
  type SourceEvent,
} from '@flotilla/model';
import type { Positions } from '@flotilla/std';
import { keyOfName, textOfId, type ObjectName } from './object-id.ts';
import { splitDocument, type DocumentObject } from './split-document.ts';

/** One document of a file: parsed YAML, or why it is not valid. */
export interface Document {
  readonly index: number;
  readonly value?: unknown;
  readonly problem?: Problem;
  readonly positions?: Positions;
  /** As `FileOrigin` has it. */
  readonly wrappedIn?: string;
}
/** What is in a file; no documents when it is gone, a problem when it could not be read at all. */
export interface FileChange {
  readonly path: string;
  readonly documents?: readonly Document[];
  readonly problem?: Problem;
  /** Epoch milliseconds. */
  readonly readAt?: number;
}

interface Held {
  readonly id: ObjectId;
  readonly place: string;
  readonly document: number;
}
/** Of one document so many problems are shown. */
const maxProblems = 200;

/**
 * From files to the objects in them. It remembers which objects each file held, not the objects. Of what can't be read
 * any more the last version stays: what a document held, if that doesn't say any more which resource it is; and all
 * that the file held when it is not YAML, since that hides where documents end.
 */
export class FileObjects {
  readonly #installation: Installation;
  readonly #files = new Map<string, ReadonlyMap<string, Held>>();

  constructor(installation: Installation = defaultInstallation) {
    this.#installation = installation;
  }

  /** What a file's content means for objects. */
  read({ path, documents, problem, readAt = 0 }: FileChange): SourceChange {
    const before = this.#files.get(path);
    const file = new FileReading(path, this.#installation);
    if (problem) file.fail(problem);
    for (const document of documents ?? []) file.add(document);
    const { events, held } = file.finish(before);
    if (held.size > 0) this.#files.set(path, held);
    else this.#files.delete(path);
    return { cause: path, readAt, events };
  }

  /** The files that hold objects. */
  get paths(): readonly string[] {
    return [...this.#files.keys()];
  }

  /** The file is not there any more, and the readers of its objects know. */
  forget(path: string): void {
    this.#files.delete(path);
  }
}

/** The reading of one file. */
class FileReading {
  readonly #path: string;
  readonly #installation: Installation;
  readonly #held = new Map<string, Held>();
  readonly #found: ObjectFound[] = [];
  readonly #problems: LocatedProblem[] = [];
  /** How often each object is in the file. */
  readonly #counts = new Map<string, number>();
  readonly #unnamed = new Set<number>();
  #isBroken = false;

  constructor(path: string, installation: Installation) {
    this.#path = path;
    this.#installation = installation;
  }

  /** The file can't be read. */
  fail(problem: Problem): void {
    this.#isBroken = true;
    this.#problems.push({ problem, origin: { type: 'file', path: this.#path } });
  }

  add({ index, value, problem, positions, wrappedIn }: Document): void {
    const origin: FileOrigin = {
      type: 'file',
      path: this.#path,
      document: index,
      ...(positions ? { positions } : {}),
      ...(wrappedIn === undefined ? {} : { wrappedIn }),
    };
    if (problem) {
      this.#isBroken = true;
      this.#problems.push({ problem, origin });
      return;
    }
    let left = maxProblems;
    for (const found of splitDocument(value, this.#installation)) {
      const inner = found.within === '' ? origin : { ...origin, within: found.within };
      if (found.name) {
        this.#addObject(found, found.name, inner);
        continue;
      }
      if (found.problems.some(({ level }) => level === 'error')) this.#unnamed.add(index);
      this.#problems.push(
        ...found.problems.slice(0, Math.max(0, left)).map((one) => ({ problem: one, origin: inner })),
      );
      left -= found.problems.length;
    }
    if (left < 0) this.#problems.push({ origin, problem: buildProblem('More', { count: -left }) });
  }

  #addObject({ object, problems }: DocumentObject, name: ObjectName, origin: FileOrigin): void {
    const cluster = this.#installation.clusterId;
    const id: ObjectId = { cluster, collection: name.collection, key: keyOfName(name, cluster) };
    const text = textOfId(id);
    const count = this.#counts.get(text) ?? 0;
    this.#counts.set(text, count + 1);
    // In the order of these texts, the places of a file stand between those of the files around it.
    const place = count === 0 ? this.#path : `${this.#path}\0${String(count).padStart(6, '0')}`;
    this.#held.set(`${text}\0${place}`, { id, place, document: origin.document ?? 0 });
    this.#found.push({ type: 'object', ...id, place, object, origin, ...(problems.length > 0 ? { problems } : {}) });
  }

  /** What differs from what the file held before, and what it holds now. */
  finish(before: ReadonlyMap<string, Held> | undefined): {
    readonly events: readonly SourceEvent[];
    readonly held: ReadonlyMap<string, Held>;
  } {
    const others: SourceEvent[] = [];
    for (const [key, held] of before ?? []) {
      if (this.#held.has(key)) continue;
      const { id, place, document } = held;
      const isKept = this.#isBroken || this.#unnamed.has(document);
      others.push({ type: isKept ? 'kept' : 'gone', ...id, place });
      if (isKept) this.#held.set(key, held);
    }
    const problems = { type: 'problems', place: this.#path, problems: this.#problems } as const;
    return { events: [...this.#found, ...others, problems], held: this.#held };
  }
}
