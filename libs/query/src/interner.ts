type Node<T extends object> = WeakRef<T> | Map<unknown, Node<T>>;

/** Fewer objects than this are not worth a sweep. */
const smallest = 1024;

/**
 * Finds the one object with a sequence of atoms (primitives, or objects that are themselves the only ones of their
 * content). Objects are held weakly: one that nobody else holds is forgotten. A tree of the sequences, in which a
 * branch ends as soon as one object is left, so that most are found at their first atom. No sequence may be the
 * beginning of another.
 */
export class Interner<T extends object> {
  readonly #root = new Map<unknown, Node<T>>();
  readonly #atomAt: (object: T, place: number) => unknown;
  #size = 0;
  #sweepAt = smallest;

  constructor(atomAt: (object: T, place: number) => unknown) {
    this.#atomAt = atomAt;
  }

  /** How many objects are known, among them those that have been collected since the last sweep. */
  get size(): number {
    return this.#size;
  }

  /** The object with these atoms; `make` makes it the first time. */
  intern<Atoms extends readonly unknown[]>(atoms: Atoms, make: (atoms: Atoms) => T): T {
    let branch = this.#root;
    for (let place = 0; ; place += 1) {
      const found = branch.get(atoms[place]);
      if (found instanceof Map) {
        branch = found;
        continue;
      }
      const object = found?.deref();
      if (object === undefined) return this.#add(branch, atoms[place], make(atoms));
      if (this.#continues(object, atoms, place + 1)) return object;
      const next = new Map<unknown, Node<T>>([[this.#atomAt(object, place + 1), found as WeakRef<T>]]);
      branch.set(atoms[place], next);
      branch = next;
    }
  }

  /** Whether an object has these atoms from a place on; those before it have led there. */
  #continues(object: T, atoms: readonly unknown[], from: number): boolean {
    for (let place = from; place < atoms.length; place += 1)
      if (!sameAtom(this.#atomAt(object, place), atoms[place])) return false;
    return true;
  }

  #add(branch: Map<unknown, Node<T>>, atom: unknown, made: T): T {
    if (!branch.has(atom)) this.#size += 1;
    branch.set(atom, new WeakRef(made));
    // Each sweep costs what has been added since the last one, or less.
    if (this.#size >= this.#sweepAt) {
      this.#size = sweep(this.#root);
      this.#sweepAt = Math.max(smallest, 2 * this.#size);
    }
    return made;
  }
}

/** As a Map takes two atoms for one: zeros of both signs, and NaN with itself. */
const sameAtom = (a: unknown, b: unknown): boolean => a === b || (a !== a && b !== b);

/** Removes what has been collected, and branches with nothing left; returns how many objects remain. */
function sweep<T extends object>(branch: Map<unknown, Node<T>>): number {
  let left = 0;
  for (const [atom, node] of branch) {
    const here = node instanceof Map ? sweep(node) : node.deref() === undefined ? 0 : 1;
    if (here === 0) branch.delete(atom);
    left += here;
  }
  return left;
}
