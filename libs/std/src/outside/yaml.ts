import { Composer, Lexer, LineCounter, Parser, type Document, type Node, type ParsedNode } from 'yaml';
import { err, messageOf, ok, type Result } from '../result.ts';
import { printable } from '../printable.ts';
import { documentLimits, overLimit, Refusal, type ReadProblem, type YamlLimits } from './read-limits.ts';
import { splitDocuments, type DocumentText } from './split-documents.ts';
import { TokenMeter } from './token-meter.ts';
import { PositionRecorder, type Positions } from './positions.ts';
import { kubernetesSchema } from './yaml-schema.ts';
import { valueOf } from './yaml-values.ts';

/** One document of a stream: its number from 1, its first line from 1, and its value or why it has none. */
export interface YamlDocument {
  readonly index: number;
  readonly line: number;
  readonly value?: unknown;
  readonly problem?: ReadProblem;
  /** The places of its values, when requested. */
  readonly positions?: Positions;
}
export interface ReadOptions {
  readonly limits?: YamlLimits;
  /** Whether documents with a value have their positions. */
  readonly withPositions?: boolean;
}

/** What Go's reader refuses too ("control characters are not allowed"), a byte order mark within the text included. */
const notAllowed = /[^\t\n\r\x20-\x7e\x85\xa0-\ufefe\uff00-\ufffd]/;

/**
 * The documents of a YAML or JSON text, as Kubernetes reads it (YAML 1.1; a key given twice is an error), in time
 * linear in its length. Documents without content are left out, but have a number. A document that is not valid or
 * exceeds a limit has a problem and leaves the others as they are. Fails when the whole text can't be read. Never
 * throws.
 */
export function readYamlDocuments(
  text: string,
  { limits = documentLimits, withPositions = false }: ReadOptions = {},
): Result<readonly YamlDocument[], ReadProblem> {
  try {
    const expanded = { count: 0 };
    return ok(
      splitDocuments(checkedText(text, limits), limits).flatMap((document, i): YamlDocument[] => {
        const place = { index: i + 1, line: document.line };
        const read = readDocument(document, { limits, expanded, withPositions });
        if (!read.ok) return [{ ...place, problem: read.error }];
        const { value, positions } = read.value;
        if (value === null || value === undefined) return [];
        return [{ ...place, value, ...(positions ? { positions } : {}) }];
      }),
    );
  } catch (thrown) {
    return err(problemOf(thrown, 1));
  }
}

/** The value of a YAML text with one document; null for one without content. Otherwise as `readYamlDocuments`. */
export function readYaml(text: string, limits: YamlLimits = documentLimits): Result<unknown, ReadProblem> {
  const read = readYamlDocuments(text, { limits });
  if (!read.ok) return read;
  const [first, second] = read.value;
  if (second)
    return err({
      code: 'yaml-syntax',
      line: second.line,
      message: `expected one document, but another begins at line ${second.line}`,
    });
  return first?.problem ? err(first.problem) : ok(first?.value ?? null);
}

/** Throws a Refusal for a text that is too long or has control characters. */
function checkedText(text: string, limits: YamlLimits): string {
  if (text.length > limits.length) throw new Refusal(overLimit('length', limits.length));
  const content = text.startsWith('\ufeff') ? text.slice(1) : text;
  const offset = content.search(notAllowed);
  if (offset === -1) return content;
  const line = content.slice(0, offset).split('\n').length;
  const code = content.charCodeAt(offset).toString(16).padStart(4, '0').toUpperCase();
  throw new Refusal({
    code: 'yaml-syntax',
    line,
    message: `the control character U+${code} is not allowed at line ${line}; remove it`,
  });
}

const problemOf = (thrown: unknown, line: number): ReadProblem =>
  thrown instanceof Refusal ? thrown.problem : { code: 'yaml-syntax', line, message: messageOf(thrown) };

interface Reading {
  readonly limits: YamlLimits;
  readonly expanded: { count: number };
  readonly withPositions: boolean;
}

function readDocument(
  { text, line: firstLine }: DocumentText,
  { limits, expanded, withPositions }: Reading,
): Result<Pick<YamlDocument, 'value' | 'positions'>, ReadProblem> {
  const counter = new LineCounter();
  const recorder = withPositions ? new PositionRecorder() : undefined;
  const lineAt = (offset: number): number => counter.linePos(offset).line + firstLine - 1;
  const refuse = (message: string, offset: number): never => {
    const line = lineAt(offset);
    throw new Refusal({
      code: 'yaml-syntax',
      line,
      message: `${printable(message)} at line ${line}, column ${counter.linePos(offset).col}`,
    });
  };
  const startOf = (node: Node): number => node.range?.[0] ?? 0;
  try {
    const document = compose(text, { limits, counter, refuse, lineAt });
    const value = valueOf(document?.contents ?? null, {
      limits,
      expanded,
      positions: recorder,
      lineOf: (node) => lineAt(startOf(node)),
      refuse: (message, node) => refuse(message, startOf(node)),
    });
    return ok({ value, ...(recorder ? { positions: recorder.finish(counter.lineStarts, firstLine) } : {}) });
  } catch (thrown) {
    return err(problemOf(thrown, firstLine));
  }
}

interface Composing {
  readonly limits: YamlLimits;
  readonly counter: LineCounter;
  readonly refuse: (message: string, offset: number) => never;
  readonly lineAt: (offset: number) => number;
}

/**
 * Tokens are counted one by one before the parser sees them, and the depth of its stack before the composer, which
 * recurses, sees a node. The first error ends both: the library would make an object of each.
 */
function compose(
  text: string,
  { limits, counter, refuse, lineAt }: Composing,
): Document.Parsed<ParsedNode> | undefined {
  const parser = new Parser(counter.addNewLine);
  const meter = new TokenMeter(limits, () => lineAt(parser.offset));
  const composer = new Composer({ schema: kubernetesSchema, version: '1.1', uniqueKeys: false, logLevel: 'silent' });
  Object.assign(composer, { onError: firstErrorOnly(refuse) });
  const documents: Document.Parsed<ParsedNode>[] = [];
  const take = (tokens: ReturnType<Parser['next']>): void => {
    for (const token of tokens) {
      if (token.type === 'error') refuse(token.message, token.offset);
      documents.push(...composer.next(token));
    }
  };
  counter.addNewLine(0);
  for (const lexeme of new Lexer().lex(text)) {
    meter.add(lexeme);
    take(parser.next(lexeme));
    meter.checkStack(parser.stack);
  }
  take(parser.end());
  documents.push(...composer.end());
  const [wrong] = documents.flatMap(({ errors }) => errors);
  if (wrong) refuse(wrong.message, wrong.pos[0]);
  return documents[0];
}

type ErrorSource = number | readonly [number, number] | { readonly offset: number };

/**
 * In place of the composer's own: it catches what is thrown within collections and reports that as another error, so
 * the first one is thrown again.
 */
function firstErrorOnly(refuse: (message: string, offset: number) => never) {
  let first: unknown;
  return (
    ...[source, , message, isWarning]: readonly [ErrorSource, code: string, message: string, isWarning?: boolean]
  ): void => {
    if (isWarning) return;
    if (first !== undefined) throw first;
    try {
      refuse(message, typeof source === 'number' ? source : 'offset' in source ? source.offset : source[0]);
    } catch (thrown) {
      first = thrown;
      throw thrown;
    }
  };
}
