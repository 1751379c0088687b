import type { CST } from 'yaml';
import { overLimit, Refusal, type YamlLimits } from './read-limits.ts';

/** The lexer's mark before a plain or block scalar. */
const scalarFollows = '\x1f';

type Counted = 'tokens' | 'nodes' | 'keys' | 'anchors' | 'aliases' | 'tags' | 'directives' | 'explicitKeys';

/** Counts the lexer's tokens by kind. Throws a Refusal at the first that exceeds a limit. */
export class TokenMeter {
  readonly #limits: YamlLimits;
  readonly #line: () => number;
  readonly #counts: Record<Counted, number> = {
    tokens: 0,
    nodes: 0,
    keys: 0,
    anchors: 0,
    aliases: 0,
    tags: 0,
    directives: 0,
    explicitKeys: 0,
  };
  #isScalar = false;

  constructor(limits: YamlLimits, line: () => number) {
    this.#limits = limits;
    this.#line = line;
  }

  /** What the parser has open: the document, then collections within each other. */
  checkStack(stack: readonly CST.Token[]): void {
    if (stack.length - 1 > this.#limits.depth) this.#refuse('depth');
    const last = stack[stack.length - 1];
    const isMapping = last?.type === 'block-map' || (last?.type === 'flow-collection' && last.start.source === '{');
    // The last item may be no more than blanks and comments.
    if (isMapping && last.items.length - 1 > this.#limits.keysPerMapping) this.#refuse('keysPerMapping');
  }

  add(lexeme: string): void {
    this.#count('tokens');
    if (this.#isScalar) {
      this.#isScalar = false;
      return this.#checkScalar(lexeme);
    }
    switch (lexeme[0]) {
      case scalarFollows:
        this.#isScalar = true;
        return this.#count('nodes');
      case '"':
      case "'":
        this.#checkScalar(lexeme);
        return this.#count('nodes');
      case '-':
      case '[':
      case '{':
      case ',':
        return this.#count('nodes');
      case ':':
        this.#count('keys');
        return this.#count('nodes');
      case '?':
        this.#count('explicitKeys');
        return this.#count('nodes');
      case '&':
        return this.#count('anchors');
      case '*':
        this.#count('aliases');
        return this.#count('nodes');
      case '!':
        return this.#count('tags');
      case '%':
        return this.#count('directives');
    }
  }

  #count(kind: Counted): void {
    if ((this.#counts[kind] += 1) > this.#limits[kind]) this.#refuse(kind);
  }

  #checkScalar(lexeme: string): void {
    if (lexeme.length > this.#limits.scalarLength) this.#refuse('scalarLength');
  }

  #refuse(limit: keyof YamlLimits): never {
    throw new Refusal(overLimit(limit, this.#limits[limit], this.#line()));
  }
}
