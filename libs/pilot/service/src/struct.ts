/** google.protobuf.Struct, as decoded, as plain data. */
interface Value {
  readonly nullValue?: number | null;
  readonly numberValue?: number | null;
  readonly stringValue?: string | null;
  readonly boolValue?: boolean | null;
  readonly structValue?: Struct | null;
  readonly listValue?: { readonly values?: readonly Value[] | null } | null;
}
export interface Struct {
  readonly fields?: Readonly<Record<string, Value>> | null;
}

export const structToJson = (struct: Struct | null | undefined): Record<string, unknown> =>
  Object.fromEntries(Object.entries(struct?.fields ?? {}).map(([key, value]) => [key, valueToJson(value)]));

function valueToJson(value: Value): unknown {
  const has = (kind: keyof Value): boolean =>
    Object.hasOwn(value, kind) && value[kind] !== null && value[kind] !== undefined;
  if (has('stringValue')) return value.stringValue;
  if (has('numberValue')) return value.numberValue;
  if (has('boolValue')) return value.boolValue;
  if (has('structValue')) return structToJson(value.structValue);
  return has('listValue') ? (value.listValue?.values ?? []).map(valueToJson) : null;
}

/** Bytes that an entry of an object or list takes in addition to its texts. */
const entryBytes = 64;

/** About how many bytes of memory a JSON value takes at most, with two bytes for each character. */
export function weightOf(value: unknown): number {
  if (typeof value === 'string') return 2 * value.length;
  if (typeof value !== 'object' || value === null) return 0;
  return Object.entries(value).reduce(
    (sum, [key, member]) => sum + entryBytes + (Array.isArray(value) ? 0 : 2 * key.length) + weightOf(member),
    0,
  );
}
