import { keyOf, versionOf, type AnyResource, type BatchWriter, type Collection } from '@flotilla/model';
import { thisWriter } from './format.ts';
import type { Batch, Delete, Put, TraceParent } from './port.ts';

/** A put as transports carry it: `text` is the resource as JSON. Until it reaches a reader nobody parses it. */
export interface EncodedPut {
  readonly collection: Collection;
  readonly key: string;
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

/** A key over all collections. */
export const idOf = ({ collection, key }: Pick<Delete, 'collection' | 'key'>): string => `${collection}\0${key}`;

export const isEmpty = ({ put, delete: gone, complete }: Pick<EncodedBatch, 'put' | 'delete' | 'complete'>): boolean =>
  put.length === 0 && gone.length === 0 && complete.length === 0;
