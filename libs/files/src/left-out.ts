import { buildProblem, type Problem } from '@flotilla/model';
import { printable } from '@flotilla/std';

/** Files that are in a watched folder but are not read, and why. Bounded. */
export class LeftOut {
  readonly #reasons = new Map<string, string>();
  #more = 0;

  get size(): number {
    return this.#reasons.size;
  }

  add(path: string, reason: string): void {
    if (this.#reasons.has(path)) return;
    if (this.#reasons.size < maxKept) this.#reasons.set(path, reason);
    else this.#more += 1;
  }

  delete(path: string): void {
    this.#reasons.delete(path);
  }

  /** One problem for all. */
  get problem(): Problem | undefined {
    if (this.#reasons.size === 0) return undefined;
    const shown = [...this.#reasons]
      .slice(0, maxShown)
      .map(([path, reason]) => `${printable(path)} (${printable(reason)})`);
    const more = this.#reasons.size - shown.length + this.#more;
    return buildProblem('LeftOut', { paths: `${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}` });
  }
}
const maxKept = 1000;
const maxShown = 5;
