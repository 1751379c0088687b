import { Overtaken, type Append } from './append.ts';
import { partsOf, type Part } from './entry.ts';
import type { Fence, LogEnd, WriteLog } from './write-log.ts';

/** A new base is written when the changes since the last one are this many, or larger than it by this factor. */
const compaction = { entries: 1000, bytes: 4 * 1024 * 1024, factor: 2 };

/** The term of a writer from its claim until it is overtaken: where its part of the log begins and ends. */
export class Tenure {
  readonly term: string;
  readonly #append: Append;
  #fence: Fence;
  /** Its last entry. */
  #number = 0;
  /** Where the last base begins. */
  #base: number;
  #since: { readonly entries: number; readonly bytes: number; readonly base: number };
  /** Terms with entries before the last base, until they are dropped. */
  #trim: readonly string[];

  private constructor(
    term: string,
    append: Append,
    base: { readonly first: number; readonly fence: Fence; readonly length: number; readonly terms: readonly string[] },
  ) {
    this.term = term;
    this.#append = append;
    this.#fence = base.fence;
    this.#base = base.first;
    this.#since = { entries: 0, bytes: 0, base: base.length };
    this.#trim = [...base.terms, term];
  }

  /** Takes the log as it ends, by a base of its own. Throws Overtaken when it ends otherwise by now. */
  static async claim(
    { term, end, bytes }: { readonly term: string; readonly end: LogEnd; readonly bytes: Uint8Array },
    append: Append,
  ): Promise<Tenure> {
    const written = await append({ kind: 'base', term, n: 0, bytes }, { last: end.last, own: 0 });
    return new Tenure(term, append, { ...written, length: bytes.length, terms: end.terms });
  }

  /** Throws Overtaken unless the log ends as this writer left it, and has its last base still. */
  check(end: LogEnd): void {
    const { first, last, tail } = end;
    if (last !== this.#fence.last || tail?.term !== this.term || first > this.#base) throw new Overtaken(end);
  }

  get isBaseDue(): boolean {
    const { entries, bytes, base } = this.#since;
    return entries > compaction.entries || bytes > compaction.bytes + compaction.factor * base;
  }

  async addChange(bytes: Uint8Array): Promise<void> {
    const change = { kind: 'change', term: this.term, n: this.#number + 1, bytes } as const;
    ({ fence: this.#fence } = await this.#append(change, this.#fence));
    this.#number += 1;
    const { entries, bytes: size, base } = this.#since;
    this.#since = { entries: entries + 1, bytes: size + bytes.length, base };
  }

  /** Writes a new base. One that `isNews` to no reader keeps the number of the last entry, so that they skip it. */
  async addBase(bytes: Uint8Array, isNews: boolean): Promise<void> {
    const n = isNews ? this.#number + 1 : this.#number;
    const { first, fence } = await this.#append({ kind: 'base', term: this.term, n, bytes }, this.#fence);
    [this.#number, this.#fence, this.#base] = [n, fence, first];
    this.#since = { entries: 0, bytes: 0, base: bytes.length };
    this.#trim = [...this.#trim, this.term];
  }

  /** Drops what the last base replaces. */
  async trim(log: WriteLog): Promise<void> {
    if (this.#trim.length === 0) return;
    await log.trim(this.#trim, this.#base);
    this.#trim = [];
  }

  /** Tells the next writer, as far as the server can be reached, that it need not wait. */
  async release(log: WriteLog): Promise<void> {
    const [part]: readonly Part[] = partsOf({
      kind: 'release',
      term: this.term,
      n: this.#number,
      bytes: new Uint8Array(),
    });
    if (part) await log.append(part, this.#fence).catch(() => {});
  }
}
