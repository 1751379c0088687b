import { randomUUID } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import type { Publisher } from '@flotilla/bus-port';
import { idOfRaw, originOf, Pipeline, type FileChange, type ReadingDocument } from '@flotilla/galley-pipeline';
import { parseMeshConfig, type AnyResource, type Batch, type Problem, type TraceParent } from '@flotilla/model';
import type { Observability, Span } from '@flotilla/observability-port';
import { hashBytes, systemClock, type Clock } from '@flotilla/std';
import { createOutgoing } from './outgoing.ts';
import { createProblemLog } from './problem-log.ts';
import { noQuarantine, type Quarantine } from './quarantine.ts';

type Found = Omit<FileChange, 'trace'> & { readonly readAt: number };
/** What a source gives: first all there is, then changes, each a list that belongs together. */
export interface Source {
  run(signal: AbortSignal): AsyncIterable<readonly Found[]>;
}
export interface GalleyOptions {
  readonly source: Source;
  readonly publisher: Publisher;
  readonly observability: Observability;
  readonly signal: AbortSignal;
  readonly clock?: Clock;
  readonly quarantine?: Quarantine;
}
/** How long problems are held back for what is published. */
const patienceMs = 500;
export interface Galley {
  /**
   * Ends when the signal aborts or the source does; throws what the source throws. May be called again after that: it
   * reads everything again, in a new session.
   */
  run(): Promise<void>;
  /**
   * Resolves when the first whole state is on the bus, or is held for taking over from the galley that writes there.
   */
  readonly ready: Promise<null>;
  /** All that is wrong with the configuration now. */
  problems(): readonly Problem[];
}

/** Galley: reads, validates, publishes. A start is a new session. */
export function createGalley({
  source,
  publisher,
  observability,
  signal,
  clock = systemClock,
  quarantine = noQuarantine,
}: GalleyOptions): Galley {
  const newSession = (): Pipeline => new Pipeline(randomUUID(), defaultMesh(), readingWith(quarantine));
  let pipeline = newSession();
  const problemLog = createProblemLog(observability);
  const outgoing = createOutgoing({ publisher, signal, complete: () => pipeline.complete() });
  const problems = (): readonly Problem[] =>
    outgoing.problem ? [...pipeline.problems, outgoing.problem] : pipeline.problems;
  const passed = observability.metrics.counter('galley_validation_passed', 'Resources that passed validation.');
  const ready = Promise.withResolvers<null>();

  async function take(found: readonly Found[], isFirst: boolean): Promise<void> {
    const reads = startReads(found, isFirst);
    const batch = pipeline.apply(found.map((change, i) => ({ ...change, trace: (reads[i] ?? reads[0])?.traceparent })));
    if (isFirst) quarantine.settle();
    for (const read of reads) read.end();
    const publishing = publish(batch);
    // What is wrong can wait for what is right, but not for a bus that is away.
    const { promise: patience, resolve: lose } = Promise.withResolvers<null>();
    const cancel = clock.after(patienceMs, () => lose(null));
    await Promise.race([publishing, patience]);
    cancel();
    // In one process with pilot, proxies have what is right before anyone looks for what is wrong.
    await setImmediate();
    problemLog.tell(problems());
    await publishing;
    if (outgoing.problem) problemLog.tell(problems());
  }

  async function publish(batch: Batch): Promise<void> {
    const { traced, spans } = startPublishing(batch);
    await outgoing.publish(traced);
    for (const span of spans) span.end();
    passed.add(batch.put.length);
  }

  /** Where the trace of a change begins; a start is one change. */
  function startReads(found: readonly Found[], isFirst: boolean): Span[] {
    const start = (startTime: number, attributes: Record<string, string>): Span =>
      observability.tracer.start('galley.read', { startTime, attributes });
    if (!isFirst) return found.map(({ path, readAt }) => start(readAt, { path }));
    return found[0] ? [start(Math.min(...found.map(({ readAt }) => readAt)), { files: String(found.length) })] : [];
  }

  /** One span for each cause of the batch, which travels on with what it changed. */
  function startPublishing(batch: Batch): { readonly traced: Batch; readonly spans: readonly Span[] } {
    const spans = new Map<TraceParent, Span>();
    const onward = <T extends { readonly trace?: TraceParent }>(change: T): T => {
      const parent = change.trace;
      if (parent === undefined) return change;
      const span = spans.get(parent) ?? observability.tracer.start('galley.publish', { parent });
      spans.set(parent, span);
      return { ...change, trace: span.traceparent };
    };
    return {
      traced: { ...batch, put: batch.put.map(onward), delete: batch.delete.map(onward) },
      spans: [...spans.values()],
    };
  }

  let isRestart = false;

  async function run(): Promise<void> {
    if (isRestart) pipeline = newSession();
    isRestart = true;
    let isFirst = true;
    for await (const found of source.run(signal)) {
      await take(found, isFirst);
      isFirst = false;
      if (outgoing.isComplete) ready.resolve(null);
    }
  }
  return { run, ready: ready.promise, problems };
}

/** Empty for what JSON does not hold, which can't be told again by its hash. */
function hashOf(value: unknown): string {
  try {
    return hashBytes(JSON.stringify(value) ?? '');
  } catch {
    return '';
  }
}

/**
 * A document in quarantine fails as one that is not valid does: of a resource that was read before, the last good
 * version stays.
 */
const readingWith =
  ({ reading }: Quarantine): ReadingDocument =>
  (document, read) => {
    const { value } = document;
    return reading({ name: originOf(document), hash: hashOf(value) }, read, (problem) => {
      const id = idOfRaw(value);
      return [{ problems: [problem], ...(id === undefined ? {} : { id }) }];
    });
  };

/** A mesh without configuration has Istio's. */
function defaultMesh(): AnyResource[] {
  const mesh = parseMeshConfig({});
  return mesh.ok ? [mesh.value] : [];
}
