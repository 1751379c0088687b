import { randomUUID } from 'node:crypto';
import type { Publisher } from '@flotilla/bus-port';
import { Pipeline, type Outcome, type ReadingObject } from '@flotilla/galley-pipeline';
import type { Source } from '@flotilla/galley-sources';
import {
  defaultInstallation,
  parseMeshConfig,
  type AnyResource,
  type Batch,
  type Installation,
  type ObjectId,
  type Origin,
  type Problem,
  type SourceChange,
  type SourceEvent,
} from '@flotilla/model';
import type { Counter, Observability } from '@flotilla/observability-port';
import { inTurns, nextTurn, systemClock, type Clock } from '@flotilla/std';
import { createTurns, runSources } from './intake.ts';
import { logChanges } from './change-log.ts';
import { createOutgoing, type Outgoing } from './outgoing.ts';
import { createProblemLog, type ProblemLog } from './problem-log.ts';
import { noQuarantine, type Quarantine } from './quarantine.ts';
import { SourceStates, type SourceStatus } from './source-states.ts';
import type { ObjectsPage } from './reports-page.ts';
import { createReports, noReports, type Reports, type ReportsOptions } from './reports.ts';
import { startPublishing, startReads } from './spans.ts';

export interface GalleyOptions {
  /** In the order of their ranks: of an object in two sources, the first source's is in force. */
  readonly sources: readonly Source[];
  readonly publisher: Publisher;
  /** Where galley runs; Istio's defaults without it. */
  readonly installation?: Installation;
  readonly observability: Observability;
  readonly signal: AbortSignal;
  readonly clock?: Clock;
  readonly quarantine?: Quarantine;
  /** Pilots' reports of what became of objects; without it nobody is heard. */
  readonly reports?: ReportsOptions;
  /** How long galley waits for the whole state of every source before it goes on without those that are missing. */
  readonly sourceWait?: number;
  /** Whether discoverySelectors decide on Istio's own objects as well. */
  readonly scopesConfiguration?: boolean;
}
/** What pilots report of credentials is taken note of so often at most. */
const reportsEveryMs = 100;
/** How long problems are held back for what is published. */
const patienceMs = 500;
const defaultSourceWaitMs = 60_000;

export interface Galley {
  /**
   * Ends when the signal aborts or all sources end; throws what the publisher throws. May be called again then: it
   * reads everything again, in a new session.
   */
  run(): Promise<void>;
  /**
   * Resolves when the first whole state is on the bus, or is held for taking over from the galley that writes there.
   */
  readonly ready: Promise<null>;
  /** Everything that is wrong with the configuration now. */
  problems(): readonly Problem[];
  /** How each source is doing. */
  sources(): readonly SourceStatus[];
  /** What has become of an object. */
  outcome(id: ObjectId): Outcome | undefined;
  /** What pilots report of objects. */
  reports(): ObjectsPage;
  /** Where a version of an object was read (`versionOf`); undefined when it is neither the last nor in force. */
  originOf(id: ObjectId, generation: string): Origin | undefined;
}

/** Galley: reads, validates, publishes. Each run is a new session. */
export function createGalley(options: GalleyOptions): Galley {
  const ready = Promise.withResolvers<null>();
  const shared: Shared = {
    problemLog: createProblemLog(options.observability),
    passed: options.observability.metrics.counter('galley_validation_passed', 'Resources that passed validation.'),
    onReady: () => ready.resolve(null),
    reports: createReports(options.reports ?? noReports, {
      metrics: options.observability.metrics,
      clock: options.clock ?? systemClock,
    }),
  };
  let session = new Session(options, shared);
  let isRestart = false;
  return {
    run: () => {
      if (isRestart) session = new Session(options, shared);
      isRestart = true;
      return session.run();
    },
    ready: ready.promise,
    problems: () => session.problems,
    sources: () => session.sources,
    outcome: (id) => session.pipeline.outcome(id),
    originOf: (id, generation) => session.pipeline.originOf(id, generation),
    reports: () => shared.reports.show(session.pipeline),
  };
}

/** What outlives a session. */
interface Shared {
  readonly problemLog: ProblemLog;
  readonly passed: Counter;
  readonly onReady: () => void;
  readonly reports: Reports;
}

/** One run of galley. */
class Session {
  readonly pipeline: Pipeline;
  readonly #options: GalleyOptions;
  readonly #shared: Shared;
  readonly #clock: Clock;
  readonly #states: SourceStates;
  readonly #outgoing: Outgoing;
  /** Sources of which something has been taken. */
  readonly #begun = new Set<string>();
  readonly #inTurn = createTurns();
  /** Rejected when a step beside those of sources fails. */
  readonly #failed = Promise.withResolvers<never>();
  #isNoting = false;
  #isOverdue = false;
  #isSettled = false;

  constructor(options: GalleyOptions, shared: Shared) {
    const { sources, publisher, signal, quarantine = noQuarantine, clock = systemClock } = options;
    const { installation = defaultInstallation } = options;
    this.#options = options;
    this.#shared = shared;
    this.#clock = clock;
    const session = randomUUID();
    this.pipeline = new Pipeline({
      session,
      sources,
      defaults: defaultMesh(installation),
      installation,
      reading: readingWith(quarantine),
      scopesConfiguration: options.scopesConfiguration,
    });
    this.#states = new SourceStates(
      sources.map(({ name }) => name),
      { now: clock.now(), isSynced: (source) => this.pipeline.isSynced(source) },
    );
    this.#outgoing = createOutgoing({ publisher, signal, complete: () => this.pipeline.complete() });
    // It is for `run` to tell of a failure.
    this.#failed.promise.catch(() => {});
    shared.reports.begin(session, () => this.#onUnserved());
  }

  get problems(): readonly Problem[] {
    const { problem } = this.#outgoing;
    return problem ? [...this.pipeline.problems, problem] : this.pipeline.problems;
  }

  get sources(): readonly SourceStatus[] {
    return this.#states.all;
  }

  async run(): Promise<void> {
    const { sources, signal, observability, sourceWait = defaultSourceWaitMs } = this.#options;
    const inTurn = this.#inTurn;
    const cancel = this.#clock.after(sourceWait, () => void inTurn(() => this.#goOn()).catch(this.#failed.reject));
    const sourcesEnd = runSources({
      sources,
      inTurn,
      signal,
      clock: this.#clock,
      log: observability.log,
      begin: (source) => {
        this.pipeline.begin(source);
        this.#states.begin(source);
      },
      take: (source, changes) => this.#take(source, changes),
    });
    try {
      await Promise.race([sourcesEnd, this.#failed.promise]);
    } finally {
      cancel();
    }
  }

  /** The limit is reached: what is missing is not waited for any longer. */
  async #goOn(): Promise<void> {
    this.#isOverdue = true;
    for (const { name } of this.#options.sources) this.#noteSource(name);
    if (!this.#outgoing.isComplete) await this.#publishAndTell(this.pipeline.applyNothing());
  }

  /** Whether what is published is to be taken for the whole state. */
  get #isWhole(): boolean {
    return this.#isOverdue || this.#isSynced;
  }

  get #isSynced(): boolean {
    return this.#options.sources.every(({ name }) => this.pipeline.isSynced(name));
  }

  async #take(source: string, changes: readonly SourceChange[]): Promise<void> {
    const { tracer } = this.#options.observability;
    const reads = startReads(tracer, changes, !this.#begun.has(source));
    this.#begun.add(source);
    const traced = changes.map((change, i) => ({ ...change, trace: reads[i]?.traceparent }));
    await inTurns(this.pipeline.take(source, traced));
    const batch = this.pipeline.commit(source);
    this.#states.heard(source, this.#clock.now());
    for (const { events } of changes) for (const event of events) this.#noteState(source, event);
    this.#noteSource(source);
    if (!this.#isSettled && this.#isSynced) {
      this.#isSettled = true;
      await this.#options.quarantine?.settle();
    }
    for (const read of new Set(reads)) read?.end();
    await this.#publishAndTell(batch);
  }

  /** Nothing is published: what pilots report changes problems alone. */
  #onUnserved(): void {
    if (this.#isNoting) return;
    this.#isNoting = true;
    const note = (): Promise<void> => {
      this.#isNoting = false;
      this.pipeline.noteCredentials(this.#shared.reports.unserved());
      this.#shared.problemLog.tell(this.pipeline.takeNewProblems());
      return Promise.resolve();
    };
    this.#clock.after(reportsEveryMs, () => void this.#inTurn(note).catch(this.#failed.reject));
  }

  #noteState(source: string, event: SourceEvent): void {
    if (event.type === 'away') this.#states.away(source, event);
    if (event.type === 'back') this.#states.back(source, this.#clock.now());
  }

  #noteSource(source: string): void {
    this.pipeline.noteSource(source, this.#states.problemOf(source, this.#isOverdue));
  }

  async #publishAndTell(batch: Batch): Promise<void> {
    const publishing = this.#publish(batch);
    // What is wrong can wait for what is right, but not for a bus that is away.
    const { promise: patience, resolve: lose } = Promise.withResolvers<null>();
    const cancel = this.#clock.after(patienceMs, () => lose(null));
    await Promise.race([publishing, patience]);
    cancel();
    // In one process with pilot, proxies have what is right before anyone looks for what is wrong.
    await nextTurn();
    this.#shared.problemLog.tell(this.pipeline.takeNewProblems());
    await publishing;
    this.#shared.problemLog.tellOfBus(this.#outgoing.problem);
    if (this.#outgoing.isComplete) this.#shared.onReady();
  }

  async #publish(batch: Batch): Promise<void> {
    const { tracer, log } = this.#options.observability;
    const { traced, spans } = startPublishing(tracer, batch);
    const isChange = this.#outgoing.isComplete;
    await this.#outgoing.publish(traced, this.#isWhole);
    if (isChange) logChanges(log, batch);
    for (const span of spans) span.end();
    this.#shared.passed.add(batch.put.length);
  }
}

/**
 * An object in quarantine fails as one that is not valid does: of one that was read before, the last good version
 * stays.
 */
const readingWith =
  ({ reading }: Quarantine): ReadingObject =>
  (object, read) =>
    reading(object, read, (problem) => ({ problems: [problem] }));

/** A mesh without configuration has the defaults of its installation. */
function defaultMesh(installation: Installation): AnyResource[] {
  const mesh = parseMeshConfig({}, installation);
  return mesh.ok ? [mesh.value] : [];
}
