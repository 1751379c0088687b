import { messageOf } from '@flotilla/std';
import type { Problem } from '@flotilla/model';
import { isScalar, LineCounter, parseAllDocuments, parseDocument, visit, type Document, type Tags } from 'yaml';

/** One document of a file, as its number from 1 and its value, or why it has none. */
export interface ParsedDocument { readonly index: number; readonly value?: unknown; readonly problem?: Problem }

/** etcd takes no larger object, so neither does galley take a larger file of one. */
export const maxFileBytes = 4 << 20;
/**
 * YAML 1.1 as Go's parser reads it (and so Kubernetes): `yes` is true and `012` is ten, but a lone dot is text, and so are times and numbers of base 60.
 */
const customTags = (tags: Tags): Tags => tags.flatMap((tag): Tags => {
  if (typeof tag === 'string') return [tag];
  if (tag.tag === 'tag:yaml.org,2002:timestamp' || ('format' in tag && tag.format === 'TIME')) return [];
  return tag.tag === 'tag:yaml.org,2002:float' && 'test' in tag && tag.test?.test('.') ? [{ ...tag, test: /^[-+]?(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)$/ }] : [tag];
});
/** Keys given twice are found by `findDuplicateKey`: the library compares each key of a mapping with all before it, half a minute for 20,000. */
export const yamlOptions = { version: '1.1', merge: true, uniqueKeys: false, prettyErrors: true, logLevel: 'error', customTags } as const;
const maxAliasCount = 100;
export const tooLarge = (size: number): Problem => ({ code: 'too-large', level: 'error', message: `the file has ${size} bytes, more than ${maxFileBytes}; split it` });
/** The library's messages end with a colon and the lines in question. */
const syntax = (message: string): Problem => ({ code: 'yaml-syntax', level: 'error', message: (message.split('\n')[0] ?? message).replace(/:$/, '').replace('Maximum call stack size exceeded', 'nested too deeply') });

/**
 * The documents of a YAML or JSON file (YAML 1.1, as Kubernetes reads it; a key given twice is an error). Returns a problem instead when the
 * file is too large or no UTF-8. Never throws.
 */
export function parseDocuments(bytes: Uint8Array): { readonly documents: readonly ParsedDocument[] } | { readonly problem: Problem } {
  if (bytes.length > maxFileBytes) return { problem: tooLarge(bytes.length) };
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return { problem: { code: 'not-utf8', level: 'error', message: 'the file is no UTF-8; save it in that encoding' } };
  }
  try {
    const lineCounter = new LineCounter();
    const found = [...parseAllDocuments(text, { ...yamlOptions, lineCounter })];
    return { documents: found.flatMap((document, i): ParsedDocument[] => {
      const index = i + 1;
      try {
        const wrong = document.errors[0]?.message ?? findDuplicateKey(document, lineCounter);
        if (wrong !== undefined) return [{ index, problem: syntax(wrong) }];
        const value: unknown = document.toJS({ maxAliasCount });
        return value === null || value === undefined ? [] : [{ index, value }];
      } catch (thrown) {
        return [{ index, problem: syntax(messageOf(thrown)) }];
      }
    }) };
  } catch (thrown) {
    return { problem: syntax(messageOf(thrown)) };
  }
}

/** Says where a mapping has a key for the second time, if one does. */
function findDuplicateKey(document: Document.Parsed, lines: LineCounter): string | undefined {
  let found: string | undefined;
  visit(document, {
    Map(_, { items }) {
      const seen = new Set<unknown>();
      for (const { key } of items) {
        const value = isScalar(key) ? key.value : key;
        if (seen.has(value) && isScalar(key)) {
          const { line, col } = lines.linePos(key.range?.[0] ?? 0);
          found = `Map keys must be unique at line ${line}, column ${col}: ${String(value)} is given twice`;
          return visit.BREAK;
        }
        seen.add(value);
      }
      return undefined;
    },
  });
  return found;
}

/** One YAML value in a text, read in the same way. Throws when it is none. */
export function parseYaml(text: string): unknown {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { ...yamlOptions, lineCounter });
  const wrong = document.errors[0]?.message ?? findDuplicateKey(document, lineCounter);
  if (wrong !== undefined) throw new Error(wrong);
  return document.toJS({ maxAliasCount });
}
