import { isMap, isScalar, isSeq, parseAllDocuments, type Document } from 'yaml';
import { isObject, namespaceOf, type KubeObject } from './objects.ts';
import { isRecord } from '@flotilla/std';

/** What the cluster makes of one file that a user gave. */
export interface DerivedFile {
  /** What galley reads: the same documents at the same lines, Services with their addresses, no Secret. */
  readonly text: string;
  /** The objects of the text, and the Secrets that are not in it. */
  readonly objects: readonly KubeObject[];
  readonly secrets: readonly KubeObject[];
  /** Some of the file can't be read: what it held before may still be meant. */
  readonly isBroken: boolean;
  /**
   * Where a user's file has what galley found at `line` of the text, a path such as `spec.ports[0].name`. Undefined
   * where the text is the user's own, or the path is not in it.
   */
  placeOf(line: number, path: string): Place | undefined;
}
/** Both begin with 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}
const asWritten = (): undefined => undefined;

interface Part {
  readonly document: Document.Parsed;
  readonly kept: readonly KubeObject[];
  readonly secrets: readonly KubeObject[];
  readonly replacement?: string;
}

/**
 * Derives galley's version of a file: Secrets are left out, since citadel alone reads them, and Services without an
 * address get the one that `addressOf` gives to `namespace/name`. A document that changes becomes one line of JSON
 * (null for a Secret), so that everything else keeps its line and its number. Of a document that is not YAML but may be
 * a Secret, only the punctuation is left: galley reports the mistake at its place and sees nothing of the content.
 * Never throws.
 */
export function deriveFile(text: string, addressOf: (service: string) => string): DerivedFile {
  try {
    return deriveDocuments(text, addressOf);
  } catch {
    // Nested too deeply, or too many aliases.
    return deriveBroken(text);
  }
}

/** The same for a file that can't be parsed at all, such as one that is too large. */
export const deriveBroken = (text: string): DerivedFile => ({
  text: mayBeSecret(text) ? punctuationOf(text) : text,
  objects: [],
  secrets: [],
  isBroken: true,
  placeOf: asWritten,
});

function deriveDocuments(text: string, addressOf: (service: string) => string): DerivedFile {
  const documents = parseAllDocuments(text, { version: '1.1', merge: true, uniqueKeys: false });
  if (!Array.isArray(documents)) return { text, objects: [], secrets: [], isBroken: false, placeOf: asWritten };
  const parts = documents.map((document) => derive(document, { text, addressOf }));
  const derived = parts.reduceRight((rest, part) => splice(rest, part), text);
  return {
    text: derived,
    objects: parts.flatMap(({ kept }) => kept),
    secrets: parts.flatMap(({ secrets }) => secrets),
    isBroken: documents.some(({ errors }) => errors.length > 0),
    placeOf(line, path) {
      const replaced = parts.find(
        ({ document: { contents }, replacement }) =>
          replacement !== undefined && contents?.range && placeIn(text, contents.range[0]).line === line,
      );
      const offset = replaced && offsetOf(replaced.document, path);
      return offset === undefined ? undefined : placeIn(text, offset);
    },
  };
}

function placeIn(text: string, offset: number): Place {
  const before = text.slice(0, offset).split('\n');
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

/** Where the last part of a path begins: a key, or an item of a list. */
function offsetOf({ contents }: Document.Parsed, path: string): number | undefined {
  let node: unknown = contents;
  let offset: number | undefined;
  for (const part of path.match(/[^.[\]]+/g) ?? []) {
    if (isSeq(node)) {
      node = node.items[Number(part)];
      offset = (node as { readonly range?: readonly number[] } | undefined)?.range?.[0];
    } else if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === part);
      offset = isScalar(pair?.key) ? pair.key.range?.[0] : undefined;
      node = pair?.value;
    } else return undefined;
    if (offset === undefined) return undefined;
  }
  return offset;
}

const mayBeSecret = (text: string): boolean => /\bSecret\b/.test(text);
const punctuationOf = (text: string): string => text.replace(/[^\s:\-[\]{}#'",|>&*?]/g, 'x');

function derive(
  document: Document.Parsed,
  { text, addressOf }: { readonly text: string; readonly addressOf: (service: string) => string },
): Part {
  if (document.errors.length > 0) {
    const source = text.slice(document.range[0], document.range[2]);
    return { document, kept: [], secrets: [], ...(mayBeSecret(source) ? { replacement: punctuationOf(source) } : {}) };
  }
  const value: unknown = isMap(document.contents) ? document.toJS() : undefined;
  const isList = hasItems(value);
  const objects = (isList ? value.items : [value]).filter(isObject);
  const secrets = objects.filter(({ kind }) => kind === 'Secret');
  const kept = objects.filter(({ kind }) => kind !== 'Secret').map((object) => withAddress(object, addressOf));
  if (kept.length === objects.length && kept.every((object, i) => object === objects[i]))
    return { document, kept, secrets };
  return {
    document,
    kept,
    secrets,
    replacement: isList ? JSON.stringify({ ...value, items: kept }) : JSON.stringify(kept[0] ?? null),
  };
}

/** Puts a document's replacement in its place, padded to as many lines. */
function splice(text: string, { document: { contents, errors, range }, replacement }: Part): string {
  if (replacement === undefined) return text;
  const [start, end] =
    errors.length > 0 ? [range[0], range[2]] : [contents?.range?.[0] ?? range[0], contents?.range?.[1] ?? range[2]];
  const lines = text.slice(start, end).split('\n').length - replacement.split('\n').length;
  return text.slice(0, start) + replacement + '\n'.repeat(Math.max(0, lines)) + text.slice(end);
}

const hasItems = (value: unknown): value is { readonly items: readonly unknown[] } => {
  const { kind, items } = (value ?? {}) as { kind?: unknown; items?: unknown };
  return kind === 'List' && Array.isArray(items);
};

function withAddress(object: KubeObject, addressOf: (service: string) => string): KubeObject {
  const { kind, apiVersion, spec } = object;
  if (
    kind !== 'Service' ||
    apiVersion !== 'v1' ||
    !isRecord(spec) ||
    spec['clusterIP'] ||
    spec['type'] === 'ExternalName'
  )
    return object;
  const ip = addressOf(`${namespaceOf(object)}/${object.metadata.name}`);
  return { ...object, spec: { ...spec, clusterIP: ip, clusterIPs: [ip] } };
}
