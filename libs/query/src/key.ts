import { compareText } from '@flotilla/std';
import { Interner } from './interner.ts';

/** What a key may consist of. Lists inside are interned too. */
export type KeyField = string | number | boolean | undefined | InternedKey | readonly KeyField[];

/**
 * An interned record: keys of one type with equal fields are one object, so that they are compared by identity. They
 * are frozen, and so are lists in them.
 */
export abstract class InternedKey {
  /** In the order in which keys are compared and printed. */
  abstract readonly fieldNames: readonly string[];

  /** For logs: the values of the fields, as in `reviews.shop.svc.cluster.local shop http`. */
  toString(): string {
    return this.fieldNames.map((name) => printed(fieldOf(this, name))).join(' ');
  }
}

/** A key with the fields of F. */
export type Key<F extends object> = InternedKey & Readonly<F>;
/** What names a result of a query: a single name (`''` where the query has one result), or a record. */
export type QueryKey = string | number | InternedKey;
/** What names a value of a store, or what an index files values under. */
export type StoreKey = string | InternedKey;
/** The fields that a type of keys was defined with, as in `type PortKey = KeyOf<typeof portKey>`. */
export type KeyOf<Constructor extends (fields: never) => InternedKey> = ReturnType<Constructor>;

type Complete<F, Names extends readonly unknown[]> = [keyof F] extends [Names[number]] ? Names : readonly (keyof F)[];

/**
 * Defines a type of keys: `defineKey<{ hostname: string; port: number }>()('hostname', 'port')` returns the function
 * from fields to the key that has them. All fields are named, in the order of comparing and printing; the first should
 * tell most keys apart. An absent field equals an undefined one. A key that nobody holds is forgotten.
 */
export const defineKey =
  <F extends { readonly [Name in keyof F]: KeyField }>() =>
  <const Names extends readonly (keyof F & string)[]>(
    ...names: Names & Complete<F, Names>
  ): ((fields: F) => Key<F>) => {
    class DefinedKey extends InternedKey {
      declare readonly fieldNames: readonly string[];

      constructor(values: readonly KeyField[]) {
        super();
        for (let i = 0; i < names.length; i += 1) (this as Record<string, unknown>)[names[i] ?? ''] = values[i];
        Object.freeze(this);
      }
    }
    Object.defineProperty(DefinedKey.prototype, 'fieldNames', { value: names });
    const interner = new Interner<DefinedKey>((key, place) => fieldOf(key, names[place] ?? ''));
    const make = (values: readonly KeyField[]): DefinedKey => new DefinedKey(values);
    return (fields) =>
      interner.intern(
        names.map((name) => internedField(fields[name])),
        make,
      ) as unknown as Key<F>;
  };

const lists = new Interner<readonly KeyField[]>((list, place) => (place === 0 ? list.length : list[place - 1]));

/** The one list with these items, frozen. */
export function internList<T extends KeyField>(items: readonly T[]): readonly T[] {
  const interned = items.map(internedField);
  return lists.intern([interned.length, ...interned], ([, ...list]) => Object.freeze(list)) as readonly T[];
}

const internedField = (field: KeyField): KeyField => (isList(field) ? internList(field) : field);
const isList = (field: unknown): field is readonly KeyField[] => Array.isArray(field);
const fieldOf = (key: InternedKey, name: string): KeyField => (key as unknown as Record<string, KeyField>)[name];
const printed = (field: KeyField): string =>
  isList(field) ? `[${field.map(printed).join(', ')}]` : String(field ?? '');

/** The order of keys of one type: field by field, text in byte order. */
export function compareKeys(a: StoreKey, b: StoreKey): number {
  if (a === b) return 0;
  if (typeof a === 'string' || typeof b === 'string') return compareText(String(a), String(b));
  for (const name of a.fieldNames) {
    const order = compareFields(fieldOf(a, name), fieldOf(b, name));
    if (order !== 0) return order;
  }
  return 0;
}

/** What is undefined comes first, and false before true; lists are compared item by item. */
function compareFields(a: KeyField, b: KeyField): number {
  if (a === b) return 0;
  if (a === undefined || b === undefined) return a === undefined ? -1 : 1;
  if (a instanceof InternedKey && b instanceof InternedKey) return compareKeys(a, b);
  if (isList(a) && isList(b)) {
    const differing = a.findIndex((item, i) => item !== b[i]);
    return differing < 0 ? -1 : differing >= b.length ? 1 : compareFields(a[differing], b[differing]);
  }
  return typeof a === 'string' || typeof b === 'string' ? compareText(String(a), String(b)) : Number(a) - Number(b);
}
