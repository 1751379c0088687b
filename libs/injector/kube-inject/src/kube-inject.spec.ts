import { describe } from 'vitest';
import { defaultValues } from '@flotilla/injector-template';
import { defaultMeshConfig } from '@flotilla/model';
import { goldenPairs } from '@flotilla/testing';
import { injectDocuments } from './kube-inject.ts';

/** What became of a document: its pods have the proxy, or not. */
function summary(document: unknown): unknown {
  const text = JSON.stringify(document);
  return { injected: text.includes('istio-proxy'), ...withoutProxy(document) };
}
/** The document without what was put in, which golden pairs of injection show. */
function withoutProxy(value: unknown): object {
  return JSON.parse(
    JSON.stringify(value, (key, item: unknown) => {
      if (['volumes', 'annotations', 'initContainers'].includes(key)) return undefined;
      return key === 'containers' ? (item as { name: string }[]).map(({ name }) => name) : item;
    }),
  ) as object;
}

describe('golden pairs: documents with the proxy put in', () => {
  goldenPairs(import.meta.dirname, (documents) => {
    const { documents: done, error } = injectDocuments(documents, {
      values: defaultValues,
      mesh: defaultMeshConfig(),
      revision: '',
    });
    return { documents: done.map(summary), ...(error === undefined ? {} : { error }) };
  });
});
