/**
 * How many characters a text from outside may have before anything looks at what it says. Every reader in this folder refuses longer ones first,
 * so the work of reading one is bounded however it is written.
 */
export const longest = {
  /** Go's own writing of a duration has at most 25 characters. */
  duration: 128,
  /** A Kubernetes quantity; twice the digits that a 64-bit amount in nanounits has, and room for zeros. */
  quantity: 128,
} as const;

/** How a reader refuses a text that is too long; undefined for one that is not. */
export const tooLong = (text: string, limit: number): string | undefined =>
  (text.length > limit ? `it has ${text.length} characters; at most ${limit} are allowed` : undefined);
