import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMap, isSeq, parseAllDocuments, stringify, type Document, type YAMLMap } from 'yaml';
import type { KubeObject } from './objects.ts';
import { replaceFile } from './replace-file.ts';

/** Secrets that were given, in a folder of their own: galley reads the state folder and must see none of them. */
export interface GivenSecrets {
  readonly all: readonly KubeObject[];
  /**
   * Moves the Secrets of a file to one of that name here, for its owner alone; returns whether it took any. A file that is no YAML and has one goes there whole,
   * and what it was before stands in its place.
   */
  takeFrom(file: string, name: string): boolean;
}

export function createGivenSecrets(folder: string): GivenSecrets {
  const taken = new Map<string, readonly KubeObject[]>();
  /** Files as they were left, when they were YAML. */
  const left = new Map<string, string>();
  const isSecret = (node: unknown): boolean => isMap(node) && node.get('kind') === 'Secret';
  /** The Secrets of a document, which is left without them; undefined instead of a document that was one itself. */
  function take(document: Document): { readonly found: readonly KubeObject[]; readonly rest: Document | undefined } {
    const { contents } = document;
    if (isSecret(contents)) return { found: [document.toJS() as KubeObject], rest: undefined };
    const items = isMap(contents) && contents.get('kind') === 'List' ? contents.get('items') : undefined;
    if (!isSeq(items)) return { found: [], rest: document };
    const secrets = items.items.filter(isSecret);
    items.items = items.items.filter((item) => !isSecret(item));
    return { found: secrets.map((item) => (item as YAMLMap).toJS(document) as KubeObject), rest: document };
  }
  return {
    get all() { return [...taken.values()].flat(); },
    takeFrom(file, name) {
      const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
      const to = join(folder, name);
      const documents = parseAllDocuments(text, { version: '1.1', merge: true });
      if (!Array.isArray(documents)) return false;
      if (documents.some(({ errors }) => errors.length > 0)) {
        if (!/\bkind["']?\s*:\s*["']?Secret\b/.test(text)) return false;
        writeFileSync(to, text, { mode: 0o600 });
        replaceFile(file, left.get(file) ?? '');
        return true;
      }
      const parts = documents.map((document) => take(document));
      const found = parts.flatMap((part) => part.found);
      const rest = found.length === 0 ? text : parts.flatMap((part) => part.rest?.toString() ?? []).join('');
      left.set(file, rest);
      if (found.length === 0) return false;
      taken.set(name, found);
      writeFileSync(to, found.map((secret) => stringify(secret)).join('---\n'), { mode: 0o600 });
      replaceFile(file, rest);
      return true;
    },
  };
}
