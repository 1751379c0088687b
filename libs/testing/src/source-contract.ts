import { describe, expect, it } from 'vitest';
import type { Source } from '@flotilla/galley-sources';
import { describeOrigin, type ObjectFound, type SourceEvent, type ObjectId } from '@flotilla/model';
import type { RawObject } from './memory-source.ts';

/** A source under test, and a hand on what it reads from. */
export interface TestSource {
  readonly source: Source;
  /** Both resolve when the change is made; the source reports it in its own time. */
  put(object: RawObject): void | Promise<void>;
  delete(object: RawObject): void | Promise<void>;
  /** Where it reads from can't be reached any more, then can again; absent where that is not possible. */
  cut?(): void;
  restore?(): void;
  close?(): void | Promise<void>;
}

const service = (name: string, port = 80): RawObject & { readonly spec: object } =>
  ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'shop' },
    spec: { ports: [{ port, name: 'http' }] },
  }) as RawObject & { readonly spec: object };
const nameOf = ({ collection, key }: Pick<ObjectId, 'collection' | 'key'>): string =>
  `${collection} ${key.namespace}/${key.name}`;

/**
 * What a reader of events holds: objects by what they are, as the interface describes it. It is written for this test
 * alone, so that galley's own reading of events is not what it is compared with.
 */
class Follower {
  readonly objects = new Map<string, ObjectFound>();
  readonly synced = new Set<string>();
  readonly events: SourceEvent[] = [];
  isAway = false;
  #confirmed = new Set<string>();

  begin(): void {
    this.#confirmed = new Set();
    this.synced.clear();
  }

  take(event: SourceEvent): void {
    this.events.push(event);
    switch (event.type) {
      case 'object':
        this.objects.set(nameOf(event), event);
        this.#confirmed.add(nameOf(event));
        return;
      case 'kept':
        this.#confirmed.add(nameOf(event));
        return;
      case 'gone':
        expect(this.objects.has(nameOf(event)), `${nameOf(event)} was there`).toBe(true);
        this.objects.delete(nameOf(event));
        return;
      case 'relist':
        for (const [name, { collection }] of this.objects)
          if (collection === event.collection) this.#confirmed.delete(name);
        this.synced.delete(event.collection);
        return;
      case 'synced':
        for (const [name, { collection }] of this.objects)
          if (collection === event.collection && !this.#confirmed.has(name)) this.objects.delete(name);
        this.synced.add(event.collection);
        return;
      case 'away':
        this.isAway = true;
        return;
      case 'back':
        this.isAway = false;
        return;
      case 'problems':
        return;
    }
  }

  get names(): readonly string[] {
    return [...this.objects.keys()].sort();
  }
}

/** A source as its one reader sees it. */
class Reader {
  readonly follower = new Follower();
  readonly #source: Source;
  #stop = new AbortController();
  #steps: AsyncIterator<readonly { readonly events: readonly SourceEvent[] }[]>;

  constructor(source: Source) {
    this.#source = source;
    this.#steps = this.#start();
  }

  #start() {
    this.follower.begin();
    return this.#source.run(this.#stop.signal)[Symbol.asyncIterator]();
  }

  /** Reads on until something holds of what it has read. */
  async until(reached: (follower: Follower) => boolean): Promise<Follower> {
    while (!reached(this.follower)) {
      const { done, value } = await this.#steps.next();
      if (done) throw new Error('the source ended');
      for (const { events } of value) for (const event of events) this.follower.take(event);
    }
    return this.follower;
  }

  get isSynced(): boolean {
    return this.#source.scopes.every(({ collection }) => this.follower.synced.has(collection));
  }

  untilSynced(): Promise<Follower> {
    return this.until(() => this.isSynced);
  }

  /** Ends the run; resolves when the source has. */
  async stop(): Promise<void> {
    this.#stop.abort();
    for (;;) if ((await this.#steps.next()).done) return;
  }

  /** Runs the source once more, as after a failure. */
  async runAgain(): Promise<void> {
    await this.stop();
    this.#stop = new AbortController();
    this.#steps = this.#start();
  }
}

/** The one contract of all sources. `open` gives a source of a place of its own that holds these objects. */
export function describeSource(name: string, open: (objects: readonly RawObject[]) => Promise<TestSource>): void {
  const withSource =
    (objects: readonly RawObject[], test: (reader: Reader, place: TestSource) => Promise<void>) =>
    async (): Promise<void> => {
      const place = await open(objects);
      const reader = new Reader(place.source);
      try {
        await test(reader, place);
        await reader.stop();
      } finally {
        await place.close?.();
      }
    };

  describe(`source: ${name}`, () => {
    it(
      'gives every object first, then says once of each scope that it is whole',
      withSource([service('a'), service('b')], async (reader, { source }) => {
        const { names, events } = await reader.untilSynced();
        expect(names).toEqual(['services shop/a', 'services shop/b']);
        expect(
          events.flatMap((event) => (event.type === 'synced' ? [`${event.cluster} ${event.collection}`] : [])),
        ).toEqual(source.scopes.map(({ cluster, collection }) => `${cluster} ${collection}`));
        const last = events.findLastIndex(({ type }) => type === 'object');
        expect(events.findIndex((event) => event.type === 'synced' && event.collection === 'services')).toBeGreaterThan(
          last,
        );
      }),
    );

    it(
      'is whole and empty where there is nothing, kinds that are not known there included',
      withSource([], async (reader) => {
        const { names, synced } = await reader.untilSynced();
        expect([names, synced.has('service-entries')]).toEqual([[], true]);
      }),
    );

    it(
      'gives what changes, comes and goes, as it is last',
      withSource([service('a'), service('b')], async (reader, place) => {
        await reader.untilSynced();
        await place.put(service('a', 81));
        await place.put(service('c'));
        await place.delete(service('b'));
        const { objects } = await reader.until(
          ({ names, objects: now }) =>
            names.join() === 'services shop/a,services shop/c' &&
            JSON.stringify(now.get('services shop/a')?.object).includes('81'),
        );
        expect(objects.get('services shop/c')?.object).toMatchObject({ metadata: { name: 'c' }, spec: {} });
      }),
    );

    it(
      'names the cluster and the scope that it has declared, in every event',
      withSource([service('a')], async (reader, { source }) => {
        const { events } = await reader.untilSynced();
        const declared = source.scopes.map(({ cluster, collection }) => `${cluster} ${collection}`);
        for (const event of events)
          if ('collection' in event) expect(declared).toContain(`${event.cluster} ${event.collection}`);
      }),
    );

    it(
      'says where an object and a path in it come from',
      withSource([service('a'), service('b')], async (reader) => {
        const { objects } = await reader.untilSynced();
        const origins = ['services shop/a', 'services shop/b'].map((one) => objects.get(one)?.origin);
        for (const origin of origins) {
          if (origin?.type === 'file') {
            expect(describeOrigin(origin)).toMatch(/:\d+$/);
            expect(describeOrigin(origin, 'spec.ports[0].port')).toMatch(/:\d+:\d+$/);
          } else
            expect(origin).toMatchObject({
              cluster: expect.any(String) as string,
              resourceVersion: expect.any(String) as string,
            });
        }
        expect(new Set(origins.map((origin) => origin && describeOrigin(origin, 'spec'))).size).toBe(2);
      }),
    );

    it(
      'begins each run with the whole state: what went meanwhile is not in it',
      withSource([service('a'), service('b')], async (reader, place) => {
        await reader.untilSynced();
        await reader.stop();
        await place.delete(service('a'));
        await place.put(service('c'));
        await reader.runAgain();
        expect((await reader.untilSynced()).names).toEqual(['services shop/b', 'services shop/c']);
      }),
    );

    it(
      'says when it can no longer be reached, and afterwards gives what went and came meanwhile',
      withSource([service('a'), service('b')], async (reader, place) => {
        if (!place.cut || !place.restore) return;
        await reader.untilSynced();
        place.cut();
        expect((await reader.until(({ isAway }) => isAway)).names).toEqual(['services shop/a', 'services shop/b']);
        await place.delete(service('a'));
        await place.put(service('c'));
        place.restore();
        const { names } = await reader.until(({ isAway, names: now }) => !isAway && now.includes('services shop/c'));
        expect(names).toEqual(['services shop/b', 'services shop/c']);
      }),
    );

    it(
      'ends when its signal aborts, also before it is read',
      withSource([service('a')], async (reader) => {
        await reader.stop();
      }),
    );
  });
}
