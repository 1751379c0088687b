import { CelMistake, checkLiteral, mistakeAt, syntaxError, tokensOf, type Token } from './cel-tokens.ts';

/**
 * Why a text is not an expression of CEL (cel-spec, "Syntax", with its standard macros), as cel-go's parser decides;
 * undefined when it is one. Whether names and types exist is not checked: Envoy knows which attributes there are. The
 * work is proportional to the length, which has a limit.
 */
export function celMistake(expression: string): string | undefined {
  if (expression.length > 16_384) return 'the expression is longer than 16384 characters';
  try {
    new Parser(tokensOf(expression)).parse();
    return undefined;
  } catch (thrown) {
    if (thrown instanceof CelMistake) return thrown.message;
    throw thrown;
  }
}

/** What an expression is, as far as macros and messages have to know. */
type Shape = 'name' | 'field' | 'other';
interface Argument {
  readonly shape: Shape;
  readonly offset: number;
}

const binary = new Set(['||', '&&', '==', '!=', '<', '<=', '>', '>=', 'in', '+', '-', '*', '/', '%']);
/** What cel-spec reserves: not the name of a variable or function. */
const reserved = new Set(
  ['as', 'break', 'const', 'continue', 'else', 'for', 'function', 'if', 'import', 'let', 'loop', 'package'].concat([
    'namespace',
    'return',
    'var',
    'void',
    'while',
  ]),
);
/** The macros of lists and maps: how many arguments they take, and what they say of a first one that is not a name. */
const macros = new Map<string, { readonly counts: readonly number[]; readonly mistake: string }>([
  ['all', { counts: [2], mistake: 'argument must be a simple name' }],
  ['exists', { counts: [2], mistake: 'argument must be a simple name' }],
  ['exists_one', { counts: [2], mistake: 'argument must be a simple name' }],
  ['map', { counts: [2, 3], mistake: 'argument is not an identifier' }],
  ['filter', { counts: [2], mistake: 'argument is not an identifier' }],
]);
const maxDepth = 250;

/** Reads expressions by recursive descent. Precedence makes no difference to whether there is a mistake. */
class Parser {
  readonly #tokens: readonly Token[];
  #position = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  parse(): void {
    this.#expression();
    if (this.#next.kind !== 'end') throw this.#unexpected();
  }

  get #next(): Token {
    return this.#tokens[this.#position] as Token;
  }

  #unexpected(): CelMistake {
    const { text, offset } = this.#next;
    return syntaxError(
      offset,
      `mismatched input '${text}' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}`,
    );
  }

  #isAt(text: string): boolean {
    return this.#next.kind === 'operator' && this.#next.text === text;
  }

  #take(text: string): boolean {
    if (!this.#isAt(text)) return false;
    this.#position += 1;
    return true;
  }

  #expect(text: string): void {
    if (!this.#take(text)) throw this.#unexpected();
  }

  #name(): string {
    const { kind, text } = this.#next;
    if (kind !== 'name') throw this.#unexpected();
    this.#position += 1;
    return text;
  }

  #expression(): Shape {
    this.#depth += 1;
    if (this.#depth > maxDepth) throw syntaxError(this.#next.offset, 'the expression is nested too deep');
    let shape = this.#operands();
    if (this.#take('?')) {
      this.#operands();
      this.#expect(':');
      this.#expression();
      shape = 'other';
    }
    this.#depth -= 1;
    return shape;
  }

  #operands(): Shape {
    let shape = this.#unary();
    while (this.#next.kind === 'operator' && binary.has(this.#next.text)) {
      this.#position += 1;
      this.#unary();
      shape = 'other';
    }
    return shape;
  }

  /** One sign may be repeated, but not mixed with the other; a single minus belongs to the number that follows it. */
  #unary(): Shape {
    const sign = this.#isAt('!') ? '!' : '-';
    let count = 0;
    while (this.#take(sign)) count += 1;
    const number = this.#tokens[this.#position + 1]?.kind;
    if (sign === '!' && this.#isAt('-') && (number === 'int' || number === 'double')) {
      this.#take('-');
      return this.#member(true);
    }
    const shape = this.#member(sign === '-' && count === 1);
    return count > 0 ? 'other' : shape;
  }

  #member(isNegative: boolean): Shape {
    let shape = this.#primary(isNegative);
    for (;;) {
      if (this.#take('.')) shape = this.#selection();
      else if (this.#take('[')) {
        this.#expression();
        this.#expect(']');
        shape = 'other';
      } else return shape;
    }
  }

  /** What follows a dot: a field, or a call of a method or macro. */
  #selection(): Shape {
    const name = this.#name();
    if (!this.#take('(')) return 'field';
    const given = this.#arguments();
    const macro = macros.get(name);
    const [first] = given;
    if (macro?.counts.includes(given.length) && first && first.shape !== 'name')
      throw mistakeAt(first.offset, macro.mistake);
    return 'other';
  }

  #primary(isNegative: boolean): Shape {
    if (this.#take('(')) {
      const shape = this.#expression();
      this.#expect(')');
      return shape;
    }
    if (this.#take('[')) {
      this.#items(']', () => void this.#expression());
      return 'other';
    }
    if (this.#take('{')) {
      this.#items('}', () => {
        this.#expression();
        this.#expect(':');
        this.#expression();
      });
      return 'other';
    }
    const isAbsolute = this.#take('.');
    if (this.#next.kind === 'name') return this.#named(isAbsolute);
    if (isAbsolute || this.#next.kind === 'operator' || this.#next.kind === 'end') throw this.#unexpected();
    checkLiteral(this.#next, isNegative);
    this.#position += 1;
    return 'other';
  }

  /** A message, a call or a variable. */
  #named(isAbsolute: boolean): Shape {
    if (this.#isMessage()) {
      this.#name();
      while (this.#take('.')) this.#name();
      this.#expect('{');
      this.#items('}', () => {
        this.#name();
        this.#expect(':');
        this.#expression();
      });
      return 'other';
    }
    const { offset } = this.#next;
    const name = this.#name();
    if (reserved.has(name)) throw mistakeAt(offset, `reserved identifier: ${name}`);
    const call = this.#next.offset;
    if (!this.#take('(')) return 'name';
    const given = this.#arguments();
    if (name === 'has' && !isAbsolute && given.length === 1 && given[0]?.shape !== 'field')
      throw mistakeAt(call, 'invalid argument to has() macro');
    return name === 'has' && !isAbsolute && given.length === 1 ? 'field' : 'other';
  }

  /** Whether a qualified name and an opening brace come next. */
  #isMessage(): boolean {
    let end = this.#position + 1;
    const isOperator = (index: number, text: string): boolean =>
      this.#tokens[index]?.kind === 'operator' && this.#tokens[index].text === text;
    while (isOperator(end, '.') && this.#tokens[end + 1]?.kind === 'name') end += 2;
    return isOperator(end, '{');
  }

  /** Arguments up to the closing parenthesis. */
  #arguments(): readonly Argument[] {
    const given: Argument[] = [];
    if (this.#take(')')) return given;
    do {
      const { offset } = this.#next;
      given.push({ offset, shape: this.#expression() });
    } while (this.#take(','));
    this.#expect(')');
    return given;
  }

  /** Items up to the closing bracket; a comma may follow the last, or stand alone. */
  #items(end: string, item: () => void): void {
    if (this.#take(',')) return this.#expect(end);
    while (!this.#take(end)) {
      item();
      if (!this.#take(',') && !this.#isAt(end)) throw this.#unexpected();
    }
  }
}
