export interface Token {
  readonly kind: 'string' | 'bytes' | 'int' | 'uint' | 'double' | 'constant' | 'name' | 'operator' | 'end';
  readonly text: string;
  /** Where it begins in the expression. */
  readonly offset: number;
}

/** What is wrong with an expression, in the form of cel-go's messages. */
export class CelMistake extends Error {}
export const mistakeAt = (offset: number, message: string): CelMistake =>
  new CelMistake(`ERROR: <input>:1:${offset + 1}: ${message}`);
export const syntaxError = (offset: number, message: string): CelMistake =>
  mistakeAt(offset, `Syntax error: ${message}`);

/**
 * Strings by their quotes; those of three quotes may have line breaks. Escapes are of a character, of a byte in
 * hexadecimal or octal digits, or of a code point.
 */
const strings = [
  /^"""(?:\\(?:[abfnrtv"'\\?`]|[xX][0-9a-fA-F]{2}|[0-3][0-7]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})|[^\\])*?"""/,
  /^'''(?:\\(?:[abfnrtv"'\\?`]|[xX][0-9a-fA-F]{2}|[0-3][0-7]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})|[^\\])*?'''/,
  /^"(?:\\(?:[abfnrtv"'\\?`]|[xX][0-9a-fA-F]{2}|[0-3][0-7]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})|[^"\\\n\r])*"/,
  /^'(?:\\(?:[abfnrtv"'\\?`]|[xX][0-9a-fA-F]{2}|[0-3][0-7]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})|[^'\\\n\r])*'/,
] as const;
const rawStrings = /^[rR](?:"""[^]*?"""|'''[^]*?'''|"[^"\n\r]*"|'[^'\n\r]*')/;
const stringAt = (text: string): string | undefined =>
  rawStrings.exec(text)?.[0] ?? strings.map((pattern) => pattern.exec(text)?.[0]).find((found) => found !== undefined);

const space = /^(?:[ \t\r\n\f]+|\/\/[^\n]*)/;
const others = [
  ['double', /^(?:\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+(?:[eE][+-]?\d+)?)/],
  ['uint', /^(?:0x[0-9a-fA-F]+|\d+)[uU]/],
  ['int', /^(?:0x[0-9a-fA-F]+|\d+)/],
  ['name', /^[A-Za-z_]\w*/],
  ['operator', /^(?:&&|\|\||[<>=!]=|[-+*/%<>!?:.,()[\]{}])/],
] as const;
const constants: readonly string[] = ['true', 'false', 'null'];

/** The tokens of an expression of CEL (cel-spec, "Lexis"), the last of kind `end`. Throws CelMistake. */
export function tokensOf(expression: string): readonly Token[] {
  const tokens: Token[] = [];
  for (let offset = 0; offset < expression.length;) {
    const rest = expression.slice(offset);
    const skipped = space.exec(rest);
    if (skipped) {
      offset += skipped[0].length;
      continue;
    }
    const token = tokenAt(rest, offset);
    if (!token) throw syntaxError(offset, `token recognition error at: '${rest.charAt(0)}'`);
    tokens.push(token);
    offset += token.text.length;
  }
  return [...tokens, { kind: 'end', text: '<EOF>', offset: expression.length }];
}

function tokenAt(rest: string, offset: number): Token | undefined {
  const string = stringAt(rest);
  if (string !== undefined) return { kind: 'string', text: string, offset };
  const bytes = /^[bB]/.test(rest) ? stringAt(rest.slice(1)) : undefined;
  if (bytes !== undefined) return { kind: 'bytes', text: rest.slice(0, bytes.length + 1), offset };
  for (const [kind, pattern] of others) {
    const text = pattern.exec(rest)?.[0];
    if (text === undefined) continue;
    if (kind !== 'name') return { kind, text, offset };
    return { kind: constants.includes(text) ? 'constant' : text === 'in' ? 'operator' : 'name', text, offset };
  }
  return undefined;
}

const [maxInt, maxUint] = [2n ** 63n - 1n, 2n ** 64n - 1n];

/** Refuses a literal whose value CEL cannot hold; `isNegative` for one after a minus sign. Throws CelMistake. */
export function checkLiteral({ kind, text, offset }: Token, isNegative: boolean): void {
  if (kind === 'int' && BigInt(text) > (isNegative ? maxInt + 1n : maxInt))
    throw mistakeAt(offset, 'invalid int literal');
  if (kind === 'uint' && BigInt(text.slice(0, -1)) > maxUint) throw mistakeAt(offset, 'invalid uint literal');
  if (kind === 'double' && !Number.isFinite(Number(text))) throw mistakeAt(offset, 'invalid double literal');
  if (kind === 'bytes' && !/^[bB][rR]/.test(text) && hasCodePoint(text))
    throw mistakeAt(offset, 'unable to unescape string');
}

/** Whether a text has an escape of a code point, which bytes do not have. */
const hasCodePoint = (text: string): boolean => /\\[uU]/.test(text.replaceAll('\\\\', ''));
