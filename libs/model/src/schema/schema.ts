type ScalarType =
  | 'string'
  | 'bool'
  | 'int'
  | 'uint'
  | 'int64'
  | 'double'
  | 'duration'
  | 'timestamp'
  | 'struct'
  | 'value'
  | 'bytes'
  | 'port'
  | 'intOrString';

/**
 * The shape of proto3 messages as data: one description gives the TypeScript type, the parser (parse.ts), and later the
 * CRDs. Rules of the mapping: Protocol Buffers' "ProtoJSON Format".
 */
export type Schema =
  | { readonly type: ScalarType }
  /** google.protobuf wrappers: the same values, but zero and absent differ. */
  | { readonly type: 'wrapper'; readonly of: Schema }
  /** A number that has no name is the first value; in an open one it stays, as text. */
  | { readonly type: 'enum'; readonly values: Readonly<Record<string, number>>; readonly open?: boolean }
  | {
      readonly type: 'message';
      readonly fields: () => Readonly<Record<string, Schema>>;
      readonly oneofs: readonly (readonly string[])[];
    }
  /** An object of Kubernetes' API: names as they are, fields that are not listed dropped. */
  | { readonly type: 'object'; readonly fields: Readonly<Record<string, Schema>>; readonly required: readonly string[] }
  | { readonly type: 'repeated'; readonly of: Schema; readonly atMost?: number }
  | { readonly type: 'map'; readonly of: Schema };

interface Typed<T> {
  readonly _type?: T;
}
export type Infer<S> = S extends Typed<infer T> ? Exclude<T, undefined> : never;
type Of<T> = Schema & Typed<T>;
type Fields = Readonly<Record<string, Of<unknown>>>;

const scalar = <T>(type: ScalarType): Of<T> => ({ type });

export const string = scalar<string>('string');
export const bool = scalar<boolean>('bool');
export const int = scalar<number>('int');
export const uint = scalar<number>('uint');
export const int64 = scalar<number>('int64');
export const double = scalar<number>('double');
/** Seconds, fractions down to nanoseconds. */
export const duration = scalar<number>('duration');
/** RFC 3339. */
export const timestamp = scalar<string>('timestamp');
export const struct = scalar<Readonly<Record<string, unknown>>>('struct');
export const value = scalar<unknown>('value');
/** A port of Kubernetes' API: a JSON number from 0 to 65535. */
export const port = scalar<number>('port');
/** Kubernetes' IntOrString: a port's number or name. */
export const intOrString = scalar<number | string>('intOrString');
/** Base64 text. */
export const bytes = scalar<string>('bytes');
export const wrapper = <T>(value: Of<T>): Of<T> => ({ type: 'wrapper', of: value });
/** A list; one with more than `atMost` items is refused. */
export const repeated = <T>(items: Of<T>, { atMost }: { readonly atMost?: number } = {}): Of<readonly T[]> => ({
  type: 'repeated',
  of: items,
  ...(atMost === undefined ? {} : { atMost }),
});
export const map = <T>(values: Of<T>): Of<Readonly<Record<string, T>>> => ({ type: 'map', of: values });

/** An enum of names; given names count from 0, or give their numbers. */
export function enumeration<const N extends string>(names: readonly N[] | Readonly<Record<N, number>>): Of<N> {
  const values = Array.isArray(names)
    ? Object.fromEntries((names as readonly N[]).map((name, i) => [name, i]))
    : (names as Record<N, number>);
  return { type: 'enum', values };
}

/** An enum in which a number without a name is kept, as text. */
export const openEnumeration = <const N extends string>(names: Readonly<Record<N, number>>): Of<N | `${number}`> => ({
  type: 'enum',
  values: names,
  open: true,
});

/** A message; every field may be absent. `oneofs` names the groups of which at most one may be set. */
export function message<F extends Fields>(
  fields: F | (() => F),
  oneofs: readonly (readonly (keyof F & string)[])[] = [],
): Of<{ readonly [K in keyof F]?: Infer<F[K]> }> {
  return { type: 'message', fields: typeof fields === 'function' ? fields : () => fields, oneofs };
}
/** An object of Kubernetes' API; `required` are the fields without which it is not valid. */
export function kubernetesObject<F extends Fields, const R extends keyof F & string = never>(
  fields: F,
  required: readonly R[] = [],
): Of<{ readonly [K in R]: Infer<F[K]> } & { readonly [K in Exclude<keyof F, R>]?: Infer<F[K]> }> {
  return { type: 'object', fields, required };
}
/** A message that contains itself: its type can't be inferred and is given. */
export function recursive<T>(fields: () => Fields): Of<T> {
  return { type: 'message', fields, oneofs: [] };
}
