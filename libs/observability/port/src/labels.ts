import type { Labels } from './metrics.ts';

/**
 * The values that a label may have: a list of them, or at most so many at once for what comes and goes. Any other value
 * is reported as `other`, so that nothing from outside makes a page of metrics grow without bound.
 */
export type LabelValues = readonly string[] | { readonly atMost: number };
export type LabelSets = Readonly<Record<string, LabelValues>>;

const otherValue = 'other';

/** Keeps one metric's labels within the sets that they were declared with. */
export class BoundedLabels {
  readonly #sets = new Map<
    string,
    { readonly values: Set<string>; readonly comesAndGoes: boolean; readonly atMost: number }
  >();

  /** Declares a metric's labels, or more values of them where a second component uses the same metric. */
  declare(sets: LabelSets): void {
    for (const [label, declared] of Object.entries(sets)) {
      const values = this.#sets.get(label)?.values ?? new Set();
      const comesAndGoes = 'atMost' in declared;
      if (!comesAndGoes) for (const value of declared) values.add(value);
      this.#sets.set(label, { values, comesAndGoes, atMost: comesAndGoes ? declared.atMost : values.size });
    }
  }

  /** The labels as they are to be reported. */
  admit(labels: Labels): Labels {
    return Object.fromEntries(Object.entries(labels).map(([label, value]) => [label, this.#admitted(label, value)]));
  }

  /** Makes room for other values; returns whether these labels were reported as they are. */
  release(labels: Labels): boolean {
    const isReported = Object.entries(labels).every(([label, value]) => this.#sets.get(label)?.values.has(value));
    for (const [label, value] of Object.entries(labels)) {
      const set = this.#sets.get(label);
      if (set?.comesAndGoes) set.values.delete(value);
    }
    return isReported;
  }

  #admitted(label: string, value: string): string {
    const set = this.#sets.get(label);
    if (!set) throw new Error(`label ${label} was not declared`);
    if (set.values.has(value)) return value;
    if (set.values.size >= set.atMost) return otherValue;
    set.values.add(value);
    return value;
  }
}
