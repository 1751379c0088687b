import { describe, expect, it } from 'vitest';
import { setImmediate } from 'node:timers/promises';
import { TooLargeError, type Batch, type Publisher } from '@flotilla/bus-port';
import { collections } from '@flotilla/model';
import { noObservability, problemsPage, type Logger, type Tracer } from '@flotilla/observability-port';
import { AsyncQueue } from '@flotilla/std';
import { FileObjects, fileScopes, type FileChange } from '@flotilla/galley-pipeline';
import type { Source } from '@flotilla/galley-sources';
import { createGalley } from './index.ts';

type Found = readonly FileChange[];
const entry = (name: string, host: string): unknown => ({
  apiVersion: 'networking.istio.io/v1beta1',
  kind: 'ServiceEntry',
  metadata: { name, namespace: 'shop' },
  spec: { hosts: [host], ports: [{ number: 80, name: 'http', protocol: 'HTTP' }] },
});
const found = (path: string, ...values: unknown[]): Found[number] => ({
  path,
  readAt: 1000,
  documents: values.map((value, i) => ({ index: i + 1, value })),
});

/** Files as a test gives them: the first are all there are. */
function sourceOf(files: AsyncIterable<Found>): Source {
  const [objects, scopes] = [new FileObjects(), fileScopes()];
  return {
    name: 'files',
    scopes,
    async *run() {
      let synced = [
        { cause: 'all', readAt: 0, events: scopes.map((scope) => ({ type: 'synced' as const, ...scope })) },
      ];
      for await (const found of files) {
        yield [...found.map((file) => objects.read(file)), ...synced];
        synced = [];
      }
    },
  };
}

/** Galley with a source and a bus of the test's own; spans as `name < parent`. */
function rig() {
  const source = new AsyncQueue<Found>();
  const batches = new AsyncQueue<Batch>();
  const spans: string[] = [];
  const tracer: Tracer = {
    start(name, { parent, startTime } = {}) {
      const traceparent = `${name}-${spans.length}`;
      spans.push(`${name} < ${parent ?? startTime}`);
      return { traceparent, set: () => {}, fail: () => {}, end: () => void spans.push(`end ${traceparent}`) };
    },
  };
  const publisher: Publisher = { publish: (batch) => Promise.resolve(batches.push(batch)) };
  const galley = createGalley({
    sources: [sourceOf(source)],
    publisher,
    observability: { ...noObservability, tracer },
    signal: new AbortController().signal,
  });
  const next = async (): Promise<Batch> => (await batches.next()).value as Batch;
  return { source, galley, spans, next };
}

describe('galley', () => {
  it('publishes the whole state, then says that it is complete, then is ready', async () => {
    const { source, galley, next } = rig();
    const running = galley.run();
    source.push([found('a.yaml', entry('a', 'a.test'))]);
    const [state, complete] = [await next(), await next()];
    expect(state.put.map(({ resource }) => resource.collection)).toEqual(['mesh-config', 'service-entries']);
    expect(complete).toMatchObject({ session: state.session, seq: 2, put: [], delete: [], complete: collections });
    expect(await galley.ready).toBeNull();
    source.close();
    await running;
  });

  it('traces a change from the time its file was read, and sends the trace with it', async () => {
    const { source, galley, spans, next } = rig();
    void galley.run();
    source.push([found('a.yaml', entry('a', 'a.test'))]);
    await galley.ready;
    await next();
    await next();
    spans.length = 0;
    source.push([found('a.yaml', entry('a', 'b.test')), found('b.yaml', 'nonsense')]);
    expect((await next()).put).toMatchObject([{ trace: 'galley.publish-4' }]);
    expect(spans.slice(0, 5)).toEqual([
      'galley.read < 1000',
      'galley.read < 1000',
      'end galley.read-0',
      'end galley.read-1',
      'galley.publish < galley.read-0',
    ]);
    source.close();
  });

  it('tells what is wrong although the bus is away', async () => {
    const { promise: told, resolve } = Promise.withResolvers<string>();
    const log: Logger = { ...noObservability.log, error: resolve, scope: () => log };
    const source = new AsyncQueue<Found>();
    const publisher: Publisher = { publish: () => new Promise(() => {}) };
    // Patience is over at once, but not the wait for sources.
    const clock = {
      now: () => 0,
      after: (ms: number, callback: () => void) => (ms < 60_000 ? queueMicrotask(callback) : undefined, () => {}),
    };
    void createGalley({
      sources: [sourceOf(source)],
      publisher,
      observability: { ...noObservability, log },
      signal: new AbortController().signal,
      clock,
    }).run();
    source.push([found('a.yaml', entry('a', '*'))]);
    expect(await told).toBe('invalid host *');
  });

  it('keeps what the bus refuses as too large until it fits, and is not ready before', async () => {
    const published: Batch[] = [];
    const publisher: Publisher = {
      publish: (batch) => {
        const size = JSON.stringify(batch).length;
        return size > 20_000
          ? Promise.reject(new TooLargeError(size, 20_000))
          : Promise.resolve(void published.push(batch));
      },
    };
    const source = new AsyncQueue<Found>();
    const galley = createGalley({
      sources: [sourceOf(source)],
      publisher,
      observability: noObservability,
      signal: new AbortController().signal,
    });
    const running = galley.run();
    const problems = (): string[] => galley.problems().map(({ code }) => code);
    const large = {
      ...(entry('large', 'large.test') as object),
      metadata: { name: 'large', namespace: 'shop', annotations: { a: 'x'.repeat(20_000) } },
    };
    source.push([found('a.yaml', entry('a', 'a.test')), found('b.yaml', large)]);
    let isReady = false;
    void galley.ready.then(() => (isReady = true));
    while (problems().length === 0) await setImmediate();
    expect([published, problems(), isReady]).toEqual([[], ['too-large'], false]);
    source.push([found('b.yaml', entry('large', 'small.test'))]);
    await galley.ready;
    const names = published.map(({ put, complete }) => [
      put.map(({ resource }) => resource.meta.name),
      complete.length > 0,
    ]);
    expect([names, problems()]).toEqual([
      [
        [['istio', 'a', 'large'], false],
        [[], true],
      ],
      [],
    ]);
    source.close();
    await running;
  });

  it('shows its problems as JSON', async () => {
    const { source, galley } = rig();
    void galley.run();
    source.push([found('a.yaml', entry('a', '*'))]);
    await galley.ready;
    const { contentType, text } = await problemsPage(galley.problems).answer({
      query: new URLSearchParams(),
      wantsJson: true,
    });
    expect([contentType, JSON.parse(text)]).toEqual([
      'application/json',
      {
        problems: [
          {
            code: 'IST0106',
            level: 'error',
            path: 'spec.hosts[0]',
            message: 'invalid host *',
            origin: 'a.yaml#1',
            resource: 'service-entries shop/a',
          },
        ],
      },
    ]);
    source.close();
  });
});
