import { keyOf, versionOf, type AnyResource, type BatchWriter, type Collection, type ObjectKey } from '@flotilla/model';
import { defineKey, type KeyOf } from '@flotilla/query';
import { thisWriter } from './format.ts';
import type { Batch, Delete, Put, TraceParent } from './port.ts';

/** A put as transports carry it: `text` is the resource as JSON. Until it reaches a reader nobody parses it. */
export interface EncodedPut {
  readonly collection: Collection;
  readonly key: ObjectKey;
  readonly text: string;
  readonly version: string;
  readonly trace?: TraceParent;
}
export type EncodedBatch = Omit<Batch, 'put' | 'writer'> & {
  readonly put: readonly EncodedPut[];
  readonly writer: BatchWriter;
};

export const encodeBatch = (batch: Batch): EncodedBatch => ({
  writer: thisWriter,
  ...batch,
  put: batch.put.map(({ resource, trace }) => {
    const text = JSON.stringify(resource);
    return {
      collection: resource.collection,
      key: keyOf(resource.meta),
      text,
      version: versionOf(resource, text),
      ...(trace ? { trace } : {}),
    };
  }),
});

/** The batch with values of its own: nothing is shared with the publisher or another reader. */
export const decodeBatch = (batch: EncodedBatch): Batch => ({
  ...batch,
  put: batch.put.map(({ text, version, trace }): Put => ({
    resource: JSON.parse(text) as AnyResource,
    version,
    ...(trace ? { trace } : {}),
  })),
});

const collectionKey = defineKey<{ readonly key: ObjectKey; readonly collection: Collection }>()('key', 'collection');
/** A key over all collections. */
export type CollectionKey = KeyOf<typeof collectionKey>;
export const idOf = ({ collection, key }: Pick<Delete, 'collection' | 'key'>): CollectionKey =>
  collectionKey({ key, collection });

export const isEmpty = ({ put, delete: gone, complete }: Pick<EncodedBatch, 'put' | 'delete' | 'complete'>): boolean =>
  put.length === 0 && gone.length === 0 && complete.length === 0;
