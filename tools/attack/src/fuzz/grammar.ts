import type { Random } from '../random.ts';

/** Makes a text. */
export type Grammar = (random: Random) => string;
type Part = string | Grammar;
const made = (part: Part, random: Random): string => (typeof part === 'string' ? part : part(random));

export const oneOf =
  (first: Part, ...others: readonly Part[]): Grammar =>
  (random) =>
    made(random.pick([first, ...others]), random);
export const inOrder =
  (...parts: readonly Part[]): Grammar =>
  (random) =>
    parts.map((part) => made(part, random)).join('');
/** From none to `most`, most often few. */
export const repeated =
  (part: Part, most: number, separator = ''): Grammar =>
  (random) =>
    Array.from({ length: Math.floor(most * random.next() ** 3) }, () => made(part, random)).join(separator);
export const number: Grammar = (random) => String(random.below(10 ** (1 + random.below(6))));
export const word: Grammar = (random) =>
  Array.from({ length: 1 + random.below(8) }, () => 'abcxyz019-._/'[random.below(13)]).join('');
/** A value of JSON, nested up to `depth`. */
export const json =
  (depth: number): Grammar =>
  (random) => {
    const leaf = [number, '"text"', 'true', 'null', '-1.5e3', '""', (r: Random) => JSON.stringify(word(r))] as const;
    if (depth === 0) return oneOf(...leaf)(random);
    const value = json(depth - 1);
    const member = inOrder((r) => JSON.stringify(word(r)), ': ', value);
    return oneOf(
      ...leaf,
      inOrder('{', repeated(member, 5, ', '), '}'),
      inOrder('[', repeated(value, 5, ', '), ']'),
    )(random);
  };
