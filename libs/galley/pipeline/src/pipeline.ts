import { deepEqual } from '@flotilla/std';
import { findDanglingReferences } from '@flotilla/galley-validation';
import {
  collections,
  describeOrigin,
  type AnyResource,
  type Batch,
  type Delete,
  type ObjectId,
  type Origin,
  type Problem,
  type Put,
  type SourceChange,
  type TraceParent,
} from '@flotilla/model';
import type { Claim } from './claim.ts';
import { configCluster, idOfResource, nameOfId, textOfId } from './object-id.ts';
import { outcomeOf, type Outcome } from './outcome.ts';
import { ProblemBook } from './problem-book.ts';
import { RawObjects, type RawOptions, type Touched } from './raw-objects.ts';

export interface PipelineOptions extends RawOptions {
  /** Names one run of galley. */
  readonly session: string;
  /** In force unless a source says otherwise; part of the first batch. */
  readonly defaults?: readonly AnyResource[];
}
/** A change with the trace that it begins. */
export interface TracedChange extends SourceChange {
  readonly trace?: TraceParent | undefined;
}

/**
 * From object events to batches. What is wrong with an object is a problem and takes nothing else down; of an object
 * that can't be read any more the last good version stays in force, until it is gone. The same object in two places:
 * the first by the rank of its source, then by its place, is in force.
 */
export class Pipeline {
  readonly #session: string;
  #seq = 0;
  readonly #raw: RawObjects;
  readonly #book = new ProblemBook();
  readonly #published = new Map<string, AnyResource>();
  readonly #sources: readonly string[];
  readonly #defaults: ReadonlyMap<string, AnyResource>;
  #started = false;
  #referring = new Map<string, ObjectId>();

  constructor({ session, defaults = [], ...raw }: PipelineOptions) {
    this.#session = session;
    this.#sources = raw.sources.map(({ name }) => name);
    this.#raw = new RawObjects(raw);
    this.#defaults = new Map(defaults.map((resource) => [textOfId(idOfResource(resource)), resource]));
  }

  /** What is in force. */
  get resources(): IterableIterator<AnyResource> {
    return this.#published.values();
  }

  /** All that is wrong now, in the order of files; last what resources name that isn't there. */
  get problems(): readonly Problem[] {
    return this.#book.all();
  }

  /** What has become wrong since this was last called. */
  takeNewProblems(): readonly Problem[] {
    return this.#book.takeAppeared();
  }

  /** What has become of an object, the place that is in force or would be first; undefined when no source has it. */
  outcome(id: ObjectId): Outcome | undefined {
    const text = textOfId(id);
    const claim = this.#raw.claims.inForce(text) ?? this.#raw.claims.get(text)[0];
    return claim && outcomeOf(claim);
  }

  /** Of every object in every place. */
  *outcomes(): Generator<Outcome, void> {
    for (const [, claims] of this.#raw.claims.entries()) for (const claim of claims) yield outcomeOf(claim);
  }

  /**
   * Where a version of an object was read; undefined when neither what is in force nor what was read last is of that
   * generation.
   */
  originOf(id: ObjectId, generation: string): Origin | undefined {
    for (const claim of this.#raw.claims.get(textOfId(id))) {
      const outcome = outcomeOf(claim);
      if (outcome.generation === generation) return outcome.origin;
      if (outcome.inForce?.generation === generation) return outcome.inForce.origin;
    }
    return undefined;
  }

  /** A run of a source begins; what it does not contain again is gone when it is synced. */
  begin(source: string): void {
    this.#raw.begin(source);
  }

  /** Whether the whole state of a source is known. */
  isSynced(source: string): boolean {
    return this.#raw.isSynced(source);
  }

  /** What is wrong with a source; nothing when it is in step. */
  noteSource(source: string, problem: Problem | undefined): void {
    this.#book.set(`source|${source}`, { section: 'sources', problems: problem ? [{ problem }] : [] });
  }

  /** A batch of what is in force without any source. */
  applyNothing(): Batch {
    const [source = ''] = this.#sources;
    return this.apply(source, []);
  }

  /** Takes changes of a source as one step. The batch is empty when nothing in force differs. */
  apply(source: string, changes: readonly TracedChange[]): Batch {
    const traces = new Map<string, TraceParent | undefined>();
    const touched: Touched = { objects: new Map(), claims: new Set(), places: new Set() };
    if (!this.#started)
      for (const [text, resource] of this.#defaults) touched.objects.set(text, idOfResource(resource));
    this.#started = true;
    for (const { trace, events } of changes) {
      for (const event of events) {
        this.#raw.apply(source, event, touched);
        if ('key' in event) traces.set(textOfId(event), trace);
      }
    }
    this.#noteProblems(source, touched);
    const batch = this.#batch([...touched.objects], traces);
    this.#noteReferences();
    return batch;
  }

  /** The batch that says: this session has now published all there is. */
  complete(): Batch {
    this.#seq += 1;
    return { session: this.#session, seq: this.#seq, put: [], delete: [], complete: collections };
  }

  #batch(
    objects: readonly (readonly [string, ObjectId])[],
    traces: ReadonlyMap<string, TraceParent | undefined>,
  ): Batch {
    const put: Put[] = [];
    const deleted: Delete[] = [];
    for (const [text, { collection, key }] of objects) {
      const trace = traces.get(text);
      const traced = trace === undefined ? {} : { trace };
      const resource = this.#raw.claims.inForce(text)?.good?.resource ?? this.#defaults.get(text);
      const before = this.#published.get(text);
      if (deepEqual(before, resource)) continue;
      if (resource) {
        this.#published.set(text, resource);
        put.push({ resource, ...traced });
      } else {
        this.#published.delete(text);
        deleted.push({ collection, key, ...traced });
      }
    }
    this.#seq += 1;
    return { session: this.#session, seq: this.#seq, put, delete: deleted, complete: [] };
  }

  /** Names that nothing bears, of all that is in force. */
  #noteReferences(): void {
    const found = new Map<string, Problem[]>();
    for (const problem of findDanglingReferences(this.resources)) {
      const name = problem.resource ?? '';
      found.set(name, [...(found.get(name) ?? []), problem]);
    }
    for (const [text, { collection, key }] of this.#referring) {
      if (!found.has(`${collection} ${key}`))
        this.#book.set(`references|${text}`, { section: 'references', problems: [] });
    }
    this.#referring = new Map();
    for (const [name, problems] of found) {
      const [collection = '', key = ''] = name.split(' ');
      const id = { cluster: configCluster, collection: collection as ObjectId['collection'], key };
      const origin = this.#raw.claims.inForce(textOfId(id))?.good?.origin;
      this.#referring.set(textOfId(id), id);
      this.#book.set(`references|${textOfId(id)}`, {
        section: 'references',
        resource: nameOfId(id),
        problems: problems.map((problem) => ({ problem, origin })),
      });
    }
  }

  #noteProblems(source: string, { claims, objects, places }: Touched): void {
    for (const claim of claims) {
      const isThere = this.#raw.claims.find(textOfId(claim.id), claim) === claim;
      this.#book.set(`claim|${textOfId(claim.id)}|${claim.rank}|${claim.place}`, {
        section: 'objects',
        resource: nameOfId(claim.id),
        problems: isThere ? claim.problems.map((problem) => ({ problem, origin: claim.origin })) : [],
      });
    }
    for (const place of places)
      this.#book.set(`place|${source}|${place}`, {
        section: 'objects',
        problems: this.#raw.problemsAt(source, place),
      });
    for (const [text, id] of objects)
      this.#book.set(`duplicates|${text}`, {
        section: 'duplicates',
        resource: nameOfId(id),
        problems: duplicatesOf(this.#raw.claims.get(text)),
      });
  }
}

/** What has no effect since the same object is in force from another place. */
function duplicatesOf(claims: readonly Claim[]): readonly { readonly problem: Problem; readonly origin: Origin }[] {
  if (claims.length < 2) return [];
  const inForce = claims.find(({ good }) => good);
  if (!inForce?.good) return [];
  const name = nameOfId(inForce.id);
  const message = `${name} is already in ${describeOrigin(inForce.good.origin)}, which is in force; remove one of them`;
  return claims
    .filter((claim) => claim !== inForce && claim.good)
    .map(({ origin }) => ({ origin, problem: { code: 'duplicate', level: 'error', message } }));
}
