import type { Entry } from './node.ts';
import { noAttributes, type Signature, type Subject } from './subject.ts';

interface Group {
  readonly signature: Signature;
  readonly entries: Map<string, Entry>;
}

/** The entries of one query and key, by what they depend on of the subject. */
export class Slot {
  /** Depends on nothing of the subject: most entries. */
  #shared: Entry | undefined;
  readonly #groups: Group[] = [];

  /** The entry that answers for a subject, valid or not; `without` are passed over. */
  find(subject: Subject, without?: ReadonlySet<Entry>): Entry | undefined {
    if (this.#shared && !without?.has(this.#shared)) return this.#shared;
    for (const { signature, entries } of this.#groups) {
      const entry = entries.get(subject.valuesOf(signature));
      if (entry && !without?.has(entry)) return entry;
    }
    return undefined;
  }

  at(signature: Signature, values: string): Entry | undefined {
    return signature === noAttributes ? this.#shared : this.#group(signature)?.entries.get(values);
  }

  add(entry: Entry): void {
    if (entry.signature === noAttributes) this.#shared = entry;
    else {
      const group = this.#group(entry.signature) ?? { signature: entry.signature, entries: new Map<string, Entry>() };
      if (group.entries.size === 0) this.#groups.push(group);
      group.entries.set(entry.values, entry);
    }
  }

  /** Whether nothing is left. */
  remove(entry: Entry): boolean {
    const group = this.#group(entry.signature);
    if (this.#shared === entry) this.#shared = undefined;
    else if (group?.entries.delete(entry.values) && group.entries.size === 0)
      this.#groups.splice(this.#groups.indexOf(group), 1);
    return !this.#shared && this.#groups.length === 0;
  }

  *entries(): Iterable<Entry> {
    if (this.#shared) yield this.#shared;
    for (const { entries } of this.#groups) yield* entries.values();
  }

  #group(signature: Signature): Group | undefined {
    return this.#groups.find((group) => group.signature === signature);
  }
}
