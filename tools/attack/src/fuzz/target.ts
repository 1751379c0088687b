import type { Random } from '../random.ts';

/** Something that reads text or bytes from outside. */
export interface FuzzTarget {
  readonly name: string;
  /** An input that is nearly right; bytes of it are changed at random afterwards. */
  generate(random: Random): string | Buffer;
  /** Words that are put in at random places. */
  readonly words: readonly string[];
  /** Reads an input. What is wrong with one is a result; whatever this throws or rejects with is a fault. */
  read(input: Buffer): unknown;
}
