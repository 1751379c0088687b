import { readMeshData, type Document } from '@flotilla/galley-pipeline';
import type { ParsedDocument } from '@flotilla/files';
import { isRecord } from '@flotilla/std';

/**
 * Mesh configuration is YAML inside the ConfigMap `istio`: read it, or say what is wrong in it. Other documents stay as
 * they are.
 */
export function readMesh(document: ParsedDocument): ParsedDocument {
  const { value } = document;
  if (
    !isRecord(value) ||
    value['kind'] !== 'ConfigMap' ||
    !isRecord(value['metadata']) ||
    value['metadata']['name'] !== 'istio' ||
    !isRecord(value['data'])
  )
    return document;
  const data = readMeshData(value['data']);
  return data.ok
    ? { ...document, value: { ...value, data: data.value } }
    : { index: document.index, problem: data.error };
}

/** A file of the mesh's configuration alone, as the ConfigMap `istio` that would hold it under `key`. */
export const asMesh = (document: ParsedDocument, key: string, systemNamespace: string): Document =>
  document.problem
    ? document
    : {
        ...document,
        wrappedIn: `data.${key}`,
        value: {
          apiVersion: 'v1',
          kind: 'ConfigMap',
          metadata: { name: 'istio', namespace: systemNamespace },
          data: { [key]: document.value },
        },
      };
