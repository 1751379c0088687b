import { stableStringify } from '@flotilla/std';
import { Interner } from './interner.ts';

/** The names of attributes that a result depends on; interned, so that equal sets are one object. */
export interface Signature {
  readonly paths: readonly string[];
}

/**
 * Which attributes are read follows from configuration, as selectors name labels: a signature that no result has any
 * more is forgotten.
 */
const signatures = new Interner<Signature>(({ paths }, place) => (place === 0 ? paths.length : paths[place - 1]));
const unions = new WeakMap<Signature, WeakMap<Signature, Signature>>();

const signatureOf = (paths: readonly string[]): Signature =>
  signatures.intern([paths.length, ...paths], () => ({ paths }));

/** How many signatures are known: for specs. */
export const knownSignatures = (): number => signatures.size;

export const noAttributes = signatureOf([]);

/** Only of attributes whose names are fixed in the code; labels and the like are not kept. */
const named = new Map<string, Signature>();

export function attribute(path: string): Signature {
  const known = named.get(path);
  if (known) return known;
  const signature = signatureOf([path]);
  if (!path.includes('.')) named.set(path, signature);
  return signature;
}

export function union(a: Signature, b: Signature): Signature {
  if (a === b || b === noAttributes) return a;
  if (a === noAttributes) return b;
  const cached = unions.get(a)?.get(b);
  if (cached) return cached;
  const made = signatureOf([...new Set([...a.paths, ...b.paths])].sort());
  const row = unions.get(a) ?? new WeakMap<Signature, Signature>();
  unions.set(a, row.set(b, made));
  return made;
}

/**
 * Whom a result is computed for: a bag of attributes that never change. Two subjects that agree on what a result read
 * share it.
 */
export class Subject {
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly #texts = new WeakMap<Signature, string>();
  /** The last result: a subject is mostly compared by the same attributes many times in a row. */
  #last: { readonly signature: Signature; readonly text: string } | undefined;
  readonly #textsByPath = new Map<string, string>();

  constructor(attributes: Readonly<Record<string, unknown>>) {
    this.attributes = attributes;
  }

  /** The attribute at `name` or `name.rest`, where rest may itself contain dots. */
  read(path: string): unknown {
    const dot = path.indexOf('.');
    if (dot < 0) return this.attributes[path];
    const parent = this.attributes[path.slice(0, dot)];
    return typeof parent === 'object' && parent !== null
      ? (parent as Record<string, unknown>)[path.slice(dot + 1)]
      : undefined;
  }

  /** The values of a signature's attributes as one comparable text. */
  valuesOf(signature: Signature): string {
    if (signature === noAttributes) return '';
    if (this.#last?.signature === signature) return this.#last.text;
    let text = this.#texts.get(signature);
    if (text === undefined) {
      text = signature.paths.map((path) => this.#textOf(path)).join('\0');
      this.#texts.set(signature, text);
    }
    this.#last = { signature, text };
    return text;
  }

  /**
   * Many signatures name the same attributes, so each attribute of the subject is turned into text once. Attributes
   * that it lacks are not kept: their names come and go with configuration.
   */
  #textOf(path: string): string {
    const known = this.#textsByPath.get(path);
    if (known !== undefined) return known;
    const text = stableStringify(this.read(path));
    if (text === undefined) return '-';
    this.#textsByPath.set(path, text);
    return text;
  }
}
