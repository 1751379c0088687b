import { overLimit, Refusal, type YamlLimits } from './read-limits.ts';

/** A document's text with the directives and comments before it. */
export interface DocumentText {
  readonly text: string;
  /** Of its first character, from 1. */
  readonly line: number;
}

/**
 * `---` or `...` at the start of a line, alone or before white space, ends a document wherever it is (YAML 1.2,
 * c-forbidden).
 */
function isMarker(text: string, offset: number, mark: '-' | '.'): boolean {
  if (text[offset] !== mark || text[offset + 1] !== mark || text[offset + 2] !== mark) return false;
  const next = text[offset + 3];
  return next === undefined || next === ' ' || next === '\t' || next === '\n' || next === '\r';
}

/** Blank, a comment or a directive. */
function isPrelude(text: string, start: number, end: number): boolean {
  if (text[start] === '%') return true;
  let i = start;
  while (i < end && (text[i] === ' ' || text[i] === '\t' || text[i] === '\r')) i += 1;
  return i === end || text[i] === '#';
}

/**
 * The documents of a YAML stream, in one pass over its lines. A stream of comments alone has none. Throws a Refusal for
 * too many lines or documents.
 */
export function splitDocuments(text: string, limits: Pick<YamlLimits, 'lines' | 'documents'>): readonly DocumentText[] {
  const documents: DocumentText[] = [];
  for (const document of documentsOf(text, limits.lines)) {
    if (documents.length === limits.documents)
      throw new Refusal(overLimit('documents', limits.documents, document.line));
    documents.push(document);
  }
  return documents;
}

function* documentsOf(text: string, maxLines: number): Generator<DocumentText, void> {
  let start = 0;
  let startLine = 1;
  let hasContent = false;
  let line = 1;
  for (let offset = 0; offset < text.length; line += 1) {
    if (line > maxLines) throw new Refusal(overLimit('lines', maxLines, line));
    const found = text.indexOf('\n', offset);
    const end = found === -1 ? text.length : found;
    if (isMarker(text, offset, '-')) {
      if (hasContent) {
        yield { text: text.slice(start, offset), line: startLine };
        [start, startLine] = [offset, line];
      }
      hasContent = true;
    } else if (isMarker(text, offset, '.')) {
      if (hasContent) yield { text: text.slice(start, end), line: startLine };
      [start, startLine, hasContent] = [end + 1, line + 1, false];
    } else {
      hasContent ||= !isPrelude(text, offset, end);
    }
    offset = end + 1;
  }
  if (hasContent) yield { text: text.slice(start), line: startLine };
}
