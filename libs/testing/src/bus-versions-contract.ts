import { describe, expect, it } from 'vitest';
import { thisWriter, type Batch, type Publisher, type Subscriber } from '@flotilla/bus-port';
import { collections, type AnyResource, type BatchWriter, type Collection } from '@flotilla/model';
import { testResource } from './bus-contract.ts';

/** A bus on which one galley follows another, as in a rolling upgrade. */
export interface TestGalleys extends Subscriber {
  /** Another galley takes the place of the one before, and publishes a session of its own. */
  next(): Promise<Publisher>;
  /** Resolves with the next problem that readers report. */
  problem(): Promise<string>;
  close(): Promise<void>;
}

const { format } = thisWriter;
const newer: BatchWriter = {
  format: { ...format, minor: format.minor + 1 },
  collections: [...collections, 'gizmos'],
};
const older: BatchWriter = { format, collections: ['service-entries'] };
const withMajor = (major: number): BatchWriter => ({ format: { major, minor: 0 }, collections });

const gateway = (name: string): AnyResource => ({
  collection: 'gateways',
  apiVersion: 'networking.istio.io/v1beta1',
  kind: 'Gateway',
  meta: { name, namespace: 'shop', cluster: 'Kubernetes' },
  spec: {},
});
/** A resource of a later version: a collection that this one does not have, or a field. */
const gizmo = { ...testResource('gizmo', 'g'), collection: 'gizmos', kind: 'Gizmo' } as unknown as AnyResource;
const withNewField = { ...testResource('a', 'a'), novelty: ['later'] } as unknown as AnyResource;

/** The whole state of a galley. */
const stateOf = (session: string, writer: BatchWriter, resources: readonly AnyResource[]): Batch => ({
  session,
  seq: 1,
  put: resources.map((resource) => ({ resource })),
  delete: [],
  complete: writer.collections as readonly Collection[],
  writer,
});
const changesOf = ({ put, delete: gone, complete }: Batch): unknown => ({
  put: put.map(({ resource }) => resource.meta.name).sort(),
  gone: gone.map(({ key }) => `${key.namespace}/${key.name}`),
  complete: [...complete].sort(),
});

/** The contract of all transports between versions. `open` gives a fresh bus without a galley. */
export function describeBusVersions(name: string, open: () => Promise<TestGalleys>): void {
  describe(`bus between versions: ${name}`, () => {
    type Read = () => Promise<unknown>;
    const withGalleys =
      (
        wanted: readonly Collection[],
        test: (publish: (batch: Batch) => Promise<void>, read: Read, galleys: TestGalleys) => Promise<void>,
      ) =>
      async (): Promise<void> => {
        const galleys = await open();
        const stop = new AbortController();
        const reader = galleys.subscribe(wanted, stop.signal)[Symbol.asyncIterator]();
        try {
          await test(
            async (batch) => (await galleys.next()).publish(batch),
            async () => changesOf((await reader.next()).value as Batch),
            galleys,
          );
        } finally {
          stop.abort();
          await galleys.close();
        }
      };

    it(
      'an older reader ignores what a newer galley has: collections, fields, a higher minor',
      withGalleys(['service-entries'], async (publish, read) => {
        await publish(stateOf('s1', newer, [withNewField, gizmo]));
        expect(await read()).toEqual({ put: ['a'], gone: [], complete: ['service-entries'] });
      }),
    );

    it(
      'a newer reader does not wait for a collection that an older galley does not know: it is complete and empty',
      withGalleys(['service-entries', 'gateways'], async (publish, read) => {
        await publish(stateOf('s1', older, [testResource('a', 'a')]));
        expect(await read()).toEqual({ put: ['a'], gone: [], complete: ['gateways', 'service-entries'] });
      }),
    );

    it(
      'galley is upgraded: the collection that it has now arrives; and back again: it is empty',
      withGalleys(['service-entries', 'gateways'], async (publish, read) => {
        await publish(stateOf('s1', older, [testResource('a', 'a')]));
        await read();
        await publish(stateOf('s2', newer, [testResource('a', 'a'), gateway('g'), gizmo]));
        expect(await read()).toMatchObject({ put: ['g'], gone: [] });
        await publish(stateOf('s3', older, [testResource('a', 'a')]));
        expect(await read()).toMatchObject({ put: [], gone: ['shop/g'] });
      }),
    );

    it.each([
      ['higher', format.major + 1, 'upgrade this service'],
      ['lower', format.major - 1, 'upgrade galley'],
    ])(
      'a %s major is refused with what to upgrade; the reader keeps what it has, and goes on with the next galley',
      (_, major, remedy) =>
        withGalleys(['service-entries'], async (publish, read, galleys) => {
          await publish(stateOf('s1', thisWriter, [testResource('a', 'a'), testResource('b', 'b')]));
          await read();
          const refused = galleys.problem();
          await publish(stateOf('s2', withMajor(major), [testResource('c', 'c')]));
          expect(await refused).toContain(remedy);
          await publish(stateOf('s3', thisWriter, [testResource('b', 'b'), testResource('d', 'd')]));
          expect(await read()).toMatchObject({ put: ['d'], gone: ['shop/a'] });
        })(),
    );
  });
}
