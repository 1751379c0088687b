import { stableStringify } from '@flotilla/std';

/** The names of attributes that a result depends on; interned, so that equal sets are one object. */
export interface Signature {
  readonly id: number;
  readonly paths: readonly string[];
}

const byText = new Map<string, Signature>();
const unions = new Map<number, Map<number, Signature>>();

function signatureOf(paths: readonly string[]): Signature {
  const text = paths.join('\0');
  const known = byText.get(text);
  if (known) return known;
  const made = { id: byText.size, paths };
  byText.set(text, made);
  return made;
}

export const noAttributes = signatureOf([]);

const single = new Map<string, Signature>();
export function attribute(path: string): Signature {
  const known = single.get(path);
  if (known) return known;
  const made = signatureOf([path]);
  single.set(path, made);
  return made;
}

export function union(a: Signature, b: Signature): Signature {
  if (a === b || b === noAttributes) return a;
  if (a === noAttributes) return b;
  const cached = unions.get(a.id)?.get(b.id);
  if (cached) return cached;
  const made = signatureOf([...new Set([...a.paths, ...b.paths])].sort());
  const row = unions.get(a.id) ?? new Map<number, Signature>();
  unions.set(a.id, row.set(b.id, made));
  return made;
}

/** Who asks: a bag of attributes that never change. Two subjects that agree on what a result read share it. */
export class Subject {
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly #texts = new Map<number, string>();

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
    let text = this.#texts.get(signature.id);
    if (text === undefined) {
      text = signature.paths.map((path) => stableStringify(this.read(path)) ?? '-').join('\0');
      this.#texts.set(signature.id, text);
    }
    return text;
  }
}
