/**
 * Why a text is not an expression of CEL (its grammar: cel-spec, "Syntax"); undefined when it is one. Names and types
 * aren't checked: which attributes there are is Envoy's to know.
 */
export function celMistake(expression: string): string | undefined {
  if (expression.length > 16_384) return 'the expression is longer than 16384 characters';
  const tokens: Token[] = [];
  for (let at = 0; at < expression.length;) {
    const rest = expression.slice(at);
    const [kind, text = ''] = lexemes
      .map(([name, pattern]) => [name, pattern.exec(rest)?.[0]] as const)
      .find(([, found]) => found !== undefined) ?? ['none'];
    if (kind === 'none') return syntaxError(at, `token recognition error at: '${expression.charAt(at)}'`);
    if (kind === 'name')
      tokens.push({
        kind: ['true', 'false', 'null'].includes(text) ? 'value' : text === 'in' ? 'operator' : 'name',
        text,
        at,
      });
    else if (kind !== 'space') tokens.push({ kind, text, at });
    at += text.length;
  }
  return new Parser([...tokens, { kind: 'end', text: '<EOF>', at: expression.length }]).mistake();
}

interface Token {
  readonly kind: 'value' | 'name' | 'operator' | 'end';
  readonly text: string;
  readonly at: number;
}
const syntaxError = (at: number, what: string): string => `ERROR: <input>:1:${at + 1}: Syntax error: ${what}`;
const lexemes = [
  ['space', /^(?:\s+|\/\/[^\n]*)/],
  ['value', /^[bB]?(?:"""(?:\\[^]|[^\\])*?"""|'''(?:\\[^]|[^\\])*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')/],
  ['value', /^(?:[rR][bB]?|[bB][rR])(?:"""[^]*?"""|'''[^]*?'''|"[^"\n]*"|'[^'\n]*')/],
  ['value', /^(?:0[xX][0-9a-fA-F]+[uU]?|(?:\d+\.\d+|\.\d+|\d+)(?:[eE][+-]?\d+)?[uU]?)/],
  ['name', /^[A-Za-z_]\w*/],
  ['operator', /^(?:&&|\|\||[<>=!]=|[-+*/%<>!?:.,()[\]{}])/],
] as const;
const binary = new Set(['||', '&&', '==', '!=', '<', '<=', '>', '>=', 'in', '+', '-', '*', '/', '%']);

/** Expressions by descent; precedence doesn't matter for whether there is a mistake. */
class Parser {
  readonly #tokens: readonly Token[];
  #i = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  mistake(): string | undefined {
    return this.#expression() ?? (this.#next.kind === 'end' ? undefined : this.#unexpected());
  }

  get #next(): Token {
    return this.#tokens[this.#i] as Token;
  }

  #unexpected(): string {
    const { text, at } = this.#next;
    return syntaxError(
      at,
      `mismatched input '${text}' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}`,
    );
  }

  #take(text: string): boolean {
    if (this.#next.kind !== 'operator' || this.#next.text !== text) return false;
    this.#i += 1;
    return true;
  }

  #expression(): string | undefined {
    this.#depth += 1;
    if (this.#depth > 250) return syntaxError(this.#next.at, 'the expression is nested too deep');
    const mistake =
      this.#operands() ??
      (this.#take('?')
        ? (this.#expression() ?? (this.#take(':') ? this.#expression() : this.#unexpected()))
        : undefined);
    this.#depth -= 1;
    return mistake;
  }

  #operands(): string | undefined {
    for (;;) {
      while (this.#take('!') || this.#take('-'));
      const mistake = this.#primary() ?? this.#members();
      if (mistake !== undefined) return mistake;
      if (this.#next.kind !== 'operator' || !binary.has(this.#next.text)) return undefined;
      this.#i += 1;
    }
  }

  #primary(): string | undefined {
    if (this.#take('(')) return this.#expression() ?? (this.#take(')') ? undefined : this.#unexpected());
    if (this.#take('[')) return this.#list(']');
    if (this.#take('{')) return this.#entries();
    this.#take('.');
    const { kind } = this.#next;
    if (kind !== 'name' && kind !== 'value') return this.#unexpected();
    this.#i += 1;
    if (kind === 'value') return undefined;
    return this.#take('(') ? this.#list(')') : undefined;
  }

  #members(): string | undefined {
    for (;;) {
      if (this.#take('.')) {
        if (this.#next.kind !== 'name') return this.#unexpected();
        this.#i += 1;
        const mistake = this.#take('(') ? this.#list(')') : undefined;
        if (mistake !== undefined) return mistake;
      } else if (this.#take('[')) {
        const mistake = this.#expression() ?? (this.#take(']') ? undefined : this.#unexpected());
        if (mistake !== undefined) return mistake;
      } else if (this.#take('{')) {
        const mistake = this.#entries();
        if (mistake !== undefined) return mistake;
      } else return undefined;
    }
  }

  #list(end: string): string | undefined {
    if (this.#take(end)) return undefined;
    for (;;) {
      const mistake = this.#expression();
      if (mistake !== undefined) return mistake;
      if (this.#take(end)) return undefined;
      if (!this.#take(',')) return this.#unexpected();
      if (end === ']' && this.#take(end)) return undefined;
    }
  }

  #entries(): string | undefined {
    while (!this.#take('}')) {
      const mistake = this.#expression() ?? (this.#take(':') ? this.#expression() : this.#unexpected());
      if (mistake !== undefined) return mistake;
      if (!this.#take(',') && (this.#next.text !== '}' || this.#next.kind !== 'operator')) return this.#unexpected();
    }
    return undefined;
  }
}
