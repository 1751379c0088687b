import { deepEqual } from '@flotilla/std';
import { checks as allChecks, credentialsKey, type Check, type Converter } from '@flotilla/galley-analysis';
import {
  buildProblem,
  collections,
  defaultInstallation,
  describeOrigin,
  versionOf,
  type AnyResource,
  type Batch,
  type Delete,
  type ObjectId,
  type Origin,
  type Problem,
  type Put,
  type SourceChange,
  type TraceParent,
  type UnservedCredential,
} from '@flotilla/model';
import type { Engine } from '@flotilla/query';
import type { Claim } from './claim.ts';
import { Derivation } from './derivation.ts';
import { idOfResource, nameOfId, textOfId } from './object-id.ts';
import { outcomeOf, type Outcome } from './outcome.ts';
import { NamespaceScope } from './namespace-scope.ts';
import { ProblemBook, type AppearedProblem } from './problem-book.ts';
import { nothingTouched, RawObjects, type RawOptions, type Touched } from './raw-objects.ts';

export interface PipelineOptions extends RawOptions {
  /** Names one run of galley. */
  readonly session: string;
  /** In force unless a source says otherwise; part of the first batch. */
  readonly defaults?: readonly AnyResource[];
  /** Default: all there are. */
  readonly checks?: readonly Check[];
  readonly converters?: readonly Converter[];
  /** Whether discoverySelectors decide on Istio's own objects as well (ENABLE_ENHANCED_RESOURCE_SCOPING). */
  readonly scopesConfiguration?: boolean | undefined;
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
  readonly #derivation: Derivation;
  readonly #cluster: string;
  readonly #scope: NamespaceScope | undefined;
  /** Keys of what pilots report of credentials. */
  #reported: ReadonlySet<string> = new Set();
  /** What the next `commit` puts in force. */
  #touched = nothingTouched();
  #traces = new Map<string, TraceParent | undefined>();

  constructor(options: PipelineOptions) {
    const { session, defaults = [], checks = allChecks, converters = [], scopesConfiguration, ...raw } = options;
    const { installation = defaultInstallation } = raw;
    this.#session = session;
    this.#scope = scopesConfiguration ? new NamespaceScope() : undefined;
    // Messages name only other clusters.
    this.#cluster = installation.clusterId;
    this.#sources = raw.sources.map(({ name }) => name);
    this.#raw = new RawObjects(raw);
    this.#derivation = new Derivation({ checks, converters, installation });
    this.#defaults = new Map(defaults.map((resource) => [textOfId(idOfResource(resource)), resource]));
    for (const [text, resource] of this.#defaults) this.#touched.objects.set(text, idOfResource(resource));
  }

  /** What is in force. */
  get resources(): IterableIterator<AnyResource> {
    return this.#published.values();
  }

  /** Everything that is wrong now, in the order of files; last what resources name that isn't there. */
  get problems(): readonly Problem[] {
    return this.#book.all();
  }

  /** What has become wrong since this was last called. */
  takeNewProblems(): readonly AppearedProblem[] {
    return this.#book.takeAppeared();
  }

  /** What has become of an object, the place that is in force or would be first; undefined when no source has it. */
  outcome(id: ObjectId): Outcome | undefined {
    const text = textOfId(id);
    const claim = this.#raw.claims.inForce(text) ?? this.#raw.claims.get(text)[0];
    return claim && this.#outcomeOf(claim);
  }

  /** Of every object in every place. */
  *outcomes(): Generator<Outcome, void> {
    for (const [, claims] of this.#raw.claims.entries()) for (const claim of claims) yield this.#outcomeOf(claim);
  }

  /**
   * Where a version of an object (`versionOf`) was read, or the object that it is made of; undefined when neither what
   * is in force nor what was read last is of that version.
   */
  originOf(id: ObjectId, generation: string): Origin | undefined {
    const text = textOfId(id);
    for (const claim of this.#raw.claims.get(text)) {
      const outcome = outcomeOf(claim);
      if (outcome.generation === generation) return outcome.origin;
      if (outcome.inForce?.generation === generation) return outcome.inForce.origin;
    }
    const derived = this.#derivation.derived(text);
    if (!derived || versionOf(derived.resource) !== generation) return undefined;
    return this.#raw.claims.inForce(textOfId(derived.owner))?.good?.origin;
  }

  /** With what checks say of the version in force. */
  #outcomeOf(claim: Claim): Outcome {
    const text = textOfId(claim.id);
    const outcome = outcomeOf(claim);
    return claim === this.#raw.claims.inForce(text)
      ? { ...outcome, warnings: [...outcome.warnings, ...this.#derivation.problemsOf(text)] }
      : outcome;
  }

  /** What computes everything that follows from objects in force, for its statistics and its checking mode. */
  get queries(): Engine {
    return this.#derivation.engine;
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

  /** What pilots report, of all objects: the credentials that proxies do not get. */
  noteCredentials(
    unserved: Iterable<readonly [Pick<ObjectId, 'collection' | 'key'>, readonly UnservedCredential[]]>,
  ): void {
    const now = new Map([...unserved].map(([{ collection, key }, value]) => [credentialsKey(collection, key), value]));
    const gone = [...this.#reported].filter((key) => !now.has(key));
    const changes = [...now, ...gone.map((key) => [key, undefined] as const)];
    this.#reported = new Set(now.keys());
    const { checked } = this.#derivation.apply(
      [],
      changes.map(([key, value]) => ({ collection: 'unserved-credentials', key, value })),
    );
    this.#noteChecks(checked);
  }

  /** A batch of what is in force without any source. */
  applyNothing(): Batch {
    const [source = ''] = this.#sources;
    return this.apply(source, []);
  }

  /** Takes changes of a source as one step. The batch is empty when nothing in force differs. */
  apply(source: string, changes: readonly TracedChange[]): Batch {
    for (const _ of this.take(source, changes));
    return this.commit(source);
  }

  /**
   * Reads the objects of a source, one with each step of the iteration, so that whoever iterates can pause. Nothing of
   * them is in force, and no problem is reported, before `commit`. No other source may be taken from in between.
   */
  *take(source: string, changes: readonly TracedChange[]): Generator<void, void> {
    for (const { trace, events } of changes) {
      for (const event of events) {
        this.#raw.apply(source, event, this.#touched);
        if ('key' in event) this.#traces.set(textOfId(event), trace);
        yield;
      }
    }
  }

  /** Puts in force what has been taken from a source since the last `commit`. */
  commit(source: string): Batch {
    const [touched, traces] = [this.#touched, this.#traces];
    [this.#touched, this.#traces] = [nothingTouched(), new Map()];
    this.#noteProblems(source, touched);
    this.#touchScoped(touched);
    const { derived, checked } = this.#derivation.apply(
      [...touched.objects].map(([text, id]) => ({ id, resource: this.#given(text) })),
    );
    // What was touched may stand in another line now.
    this.#noteChecks(new Map([...touched.objects, ...checked]));
    return this.#batch(new Map([...touched.objects, ...derived]), traces);
  }

  /** The batch that says: this session has now published all there is. */
  complete(): Batch {
    this.#seq += 1;
    return { session: this.#session, seq: this.#seq, put: [], delete: [], complete: collections };
  }

  /** The object that sources have in force, else its default; undefined if that is out of scope. */
  #given(text: string): AnyResource | undefined {
    const claim = this.#raw.claims.inForce(text);
    if (claim && this.#scope?.includes(claim.id) === false) return undefined;
    return claim?.good?.resource ?? this.#defaults.get(text);
  }

  /** Where namespaces or selectors have changed, objects of other namespaces may be in force now. */
  #touchScoped({ objects }: Touched): void {
    if (!this.#scope) return;
    if (!this.#scope.take([...objects].map(([text, id]) => ({ id, resource: this.#given(text) })))) return;
    for (const [text, [claim]] of this.#raw.claims.entries())
      if (claim && this.#scope.concerns(claim.id.collection)) objects.set(text, claim.id);
  }

  #batch(objects: ReadonlyMap<string, ObjectId>, traces: ReadonlyMap<string, TraceParent | undefined>): Batch {
    const put: Put[] = [];
    const deleted: Delete[] = [];
    for (const [text, { collection, key }] of objects) {
      const derived = this.#derivation.derived(text);
      const trace = traces.get(text) ?? (derived && traces.get(textOfId(derived.owner)));
      const traced = trace === undefined ? {} : { trace };
      // What somebody has written comes before what is made.
      const resource = this.#given(text) ?? derived?.resource;
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

  #noteChecks(checked: ReadonlyMap<string, ObjectId>): void {
    for (const [text, id] of checked) {
      const origin = this.#raw.claims.inForce(text)?.good?.origin;
      this.#book.set(`checks|${text}`, {
        section: 'checks',
        resource: nameOfId(id, this.#cluster),
        problems: this.#derivation.problemsOf(text).map((problem) => ({ problem, origin })),
      });
    }
  }

  #noteProblems(source: string, { claims, objects, places }: Touched): void {
    for (const claim of claims) {
      const isThere = this.#raw.claims.find(textOfId(claim.id), claim) === claim;
      this.#book.set(`claim|${textOfId(claim.id)}|${claim.rank}|${claim.place}`, {
        section: 'objects',
        resource: nameOfId(claim.id, this.#cluster),
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
        resource: nameOfId(id, this.#cluster),
        problems: duplicatesOf(this.#raw.claims.get(text), this.#cluster),
      });
  }
}

/** What has no effect since the same object is in force from another place. */
function duplicatesOf(
  claims: readonly Claim[],
  cluster: string,
): readonly { readonly problem: Problem; readonly origin: Origin }[] {
  if (claims.length < 2) return [];
  const inForce = claims.find(({ good }) => good);
  if (!inForce?.good) return [];
  const name = nameOfId(inForce.id, cluster);
  const problem = buildProblem('Duplicate', { name, origin: describeOrigin(inForce.good.origin) });
  return claims.filter((claim) => claim !== inForce && claim.good).map(({ origin }) => ({ origin, problem }));
}
