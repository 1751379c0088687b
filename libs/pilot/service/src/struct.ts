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
