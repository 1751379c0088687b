import { randomUUID } from 'node:crypto';
import type { Publisher } from '@flotilla/bus-port';
import { Pipeline, type FileChange } from '@flotilla/galley-pipeline';
import { parseMeshConfig, type Problem } from '@flotilla/model';
import type { Observability } from '@flotilla/observability-port';

/** What a source gives: first all there is, then changes, each a list that belongs together. */
export interface Source { run(signal: AbortSignal): AsyncIterable<readonly (Omit<FileChange, 'trace'> & { readonly readAt: number })[]> }
export interface GalleyOptions { readonly source: Source; readonly publisher: Publisher; readonly observability: Observability; readonly signal: AbortSignal }

const keyOfProblem = (problem: Problem): string => JSON.stringify([problem.origin, problem.path, problem.message]);

/** Galley: reads, validates, publishes. A start is a new session; it is ready when its first whole state is on the bus. */
export function createGalley({ source, publisher, observability, signal }: GalleyOptions) {
  const pipeline = new Pipeline(randomUUID());
  const log = observability.log.scope('validation');
  const passed = observability.metrics.counter('galley_validation_passed', 'Resources that passed validation.');
  const failed = observability.metrics.counter('galley_validation_failed', 'Problems that validation found.', ['reason']);
  const ready = Promise.withResolvers<null>();
  let told = new Set<string>();

  function tell(): void {
    const problems = pipeline.problems;
    for (const problem of problems.filter((one) => !told.has(keyOfProblem(one)))) {
      failed.add(1, { reason: problem.code });
      log[problem.level === 'error' ? 'error' : 'warn'](problem.message, { origin: problem.origin, resource: problem.resource, path: problem.path, code: problem.code });
    }
    told = new Set(problems.map(keyOfProblem));
  }

  async function run(): Promise<void> {
    let first = true;
    for await (const found of source.run(signal)) {
      const spans = found.map(({ path, readAt }) => observability.tracer.start('galley.read', { startTime: readAt, attributes: { path } }));
      const batch = pipeline.apply(found.map((change, i) => ({ ...change, ...(spans[i] ? { trace: spans[i].traceparent } : {}) })));
      tell();
      passed.add(batch.put.length);
      const mesh = first && !batch.put.some(({ resource }) => resource.collection === 'mesh-config') ? parseMeshConfig({}) : undefined;
      const put = mesh?.ok ? [...batch.put, { resource: mesh.value }] : batch.put;
      if (put.length > 0 || batch.delete.length > 0) await publisher.publish({ ...batch, put }, signal);
      if (first) await publisher.publish(pipeline.complete(), signal);
      for (const span of spans) span.end();
      if (first) ready.resolve(null);
      first = false;
    }
  }
  return { run, ready: ready.promise, problems: () => pipeline.problems };
}
