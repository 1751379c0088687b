/** Remembers values while their sizes together stay below a limit; the least recently used go first. */
export class Lru<V> {
  readonly #limit: number;
  readonly #items = new Map<string, { readonly value: V; readonly size: number }>();
  #size = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get(key: string): V | undefined {
    const item = this.#items.get(key);
    if (!item) return undefined;
    this.#items.delete(key);
    this.#items.set(key, item);
    return item.value;
  }

  set(key: string, value: V, size: number): void {
    this.#delete(key);
    this.#items.set(key, { value, size });
    this.#size += size;
    for (const oldest of this.#items.keys()) {
      if (this.#size <= this.#limit) return;
      this.#delete(oldest);
    }
  }

  #delete(key: string): void {
    this.#size -= this.#items.get(key)?.size ?? 0;
    this.#items.delete(key);
  }
}
