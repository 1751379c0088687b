import { configLimits, readYaml } from '@flotilla/std';
import type { Document } from '@flotilla/galley-pipeline';
import { problemOf, type ParsedDocument } from '@flotilla/files';

type Plain = Record<string, unknown>;
const isPlain = (value: unknown): value is Plain =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const keys = ['mesh', 'meshNetworks'];

/**
 * Mesh configuration is YAML inside the ConfigMap `istio`: read it, or say what is wrong in it. Other documents stay as
 * they are.
 */
export function readMesh(document: ParsedDocument): ParsedDocument {
  const { value } = document;
  if (
    !isPlain(value) ||
    value['kind'] !== 'ConfigMap' ||
    !isPlain(value['metadata']) ||
    value['metadata']['name'] !== 'istio' ||
    !isPlain(value['data'])
  )
    return document;
  const data: Plain = { ...value['data'] };
  for (const key of keys) {
    const text = data[key];
    if (typeof text !== 'string') continue;
    const read = readYaml(text, configLimits);
    if (!read.ok) {
      const problem = problemOf(read.error);
      return { index: document.index, problem: { ...problem, message: `data.${key}: ${problem.message}` } };
    }
    data[key] = read.value;
  }
  return { ...document, value: { ...value, data } };
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
