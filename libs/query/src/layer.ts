import type { StoreKey } from './key.ts';

/** Stands in a layer for a key that is only in the layer below. */
const removed = Symbol('removed');

/**
 * A map, possibly on top of another one: it then holds only what differs from the one below, and never writes to that.
 * While a layer is in use, the one below must not change.
 */
export class Layer<V> {
  readonly #below: Layer<V> | undefined;
  readonly #values = new Map<StoreKey, V | typeof removed>();

  constructor(below?: Layer<V>) {
    this.#below = below;
  }

  get(key: StoreKey): V | undefined {
    const value = this.#values.get(key);
    if (value === removed) return undefined;
    return value === undefined ? this.#below?.get(key) : value;
  }

  set(key: StoreKey, value: V): void {
    this.#values.set(key, value);
  }

  delete(key: StoreKey): void {
    if (this.#below === undefined) this.#values.delete(key);
    else this.#values.set(key, removed);
  }

  /** Whether the layer itself holds the key's value, so that nobody else sees it change. */
  holds(key: StoreKey): boolean {
    return this.#below === undefined || this.#values.has(key);
  }

  *keys(): Iterable<StoreKey> {
    for (const [key, value] of this.#values) if (value !== removed) yield key;
    if (this.#below === undefined) return;
    for (const key of this.#below.keys()) if (!this.#values.has(key)) yield key;
  }
}
