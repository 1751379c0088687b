import {
  documentLimits,
  err,
  ok,
  readYamlDocuments,
  type Positions,
  type ReadProblem,
  type Result,
} from '@flotilla/std';
import { buildProblem, type Problem } from '@flotilla/model';

/** One document of a file, as its number from 1 and its value, or why it has none. */
export interface ParsedDocument {
  readonly index: number;
  readonly value?: unknown;
  readonly problem?: Problem;
  /** The places of its values. */
  readonly positions?: Positions;
}
/** The documents of a file, or why it could not be read at all. */
export type ParsedFile = { readonly documents: readonly ParsedDocument[] } | { readonly problem: Problem };

export const maxFileBytes = documentLimits.length;
export const tooLarge = (size: number): Problem => buildProblem('FileTooLarge', { size, limit: maxFileBytes });
export const problemOf = ({ code, message }: ReadProblem): Problem => buildProblem(code, { detail: message });

const utf8 = new TextDecoder('utf-8', { fatal: true });
/** The text of a file; the problem of one that is too large or is not UTF-8. */
function decodeText(bytes: Uint8Array): Result<string, Problem> {
  if (bytes.length > maxFileBytes) return err(tooLarge(bytes.length));
  try {
    return ok(utf8.decode(bytes));
  } catch {
    return err(buildProblem('NotUtf8', {}));
  }
}

/** The documents of a text, as `readYamlDocuments` reads them within its limits for files. Never throws. */
function parseText(text: string): ParsedFile {
  const read = readYamlDocuments(text, { withPositions: true });
  if (!read.ok) return { problem: problemOf(read.error) };
  return {
    documents: read.value.map(({ index, value, problem, positions }) =>
      problem ? { index, problem: problemOf(problem) } : { index, value, ...(positions ? { positions } : {}) },
    ),
  };
}

/** The documents of a YAML or JSON file. Never throws. */
export function parseDocuments(bytes: Uint8Array): ParsedFile {
  const text = decodeText(bytes);
  return text.ok ? parseText(text.value) : { problem: text.error };
}
