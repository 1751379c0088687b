/**
 * How many characters a text from outside may have before anything looks at what it says. Every reader in this folder
 * refuses longer ones first, so the work of reading one is bounded however it is written.
 */
export const longest = {
  /**
   * Any single text in a configuration object: certificates, key sets, code. The API server takes no object of more
   * than 1.5 MiB.
   */
  text: 1 << 20,
  /** A key of a map, such as the name of a label, a header or a claim. */
  key: 1024,
  /** Go's own writing of a duration has at most 25 characters. */
  duration: 128,
  /** A Kubernetes quantity; twice the digits that a 64-bit amount in nanounits has, and room for zeros. */
  quantity: 128,
  /** A whole number of 64 bits has at most 20 characters; there is room for zeros. */
  number: 64,
  /** An address with a zone and a prefix length. */
  address: 128,
} as const;

/** How a reader refuses a text that is too long; undefined for one that is not. */
export const tooLong = (text: string, limit: number): string | undefined =>
  text.length > limit ? `it has ${text.length} characters; at most ${limit} are allowed` : undefined;

/** A text in quotes as messages show it: what a reader would refuse for its length is cut. */
export const quote = (text: string): string =>
  JSON.stringify(text.length > longest.address ? `${text.slice(0, longest.address)}...` : text);
