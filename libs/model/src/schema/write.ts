import type { Schema } from './schema.ts';

type Plain = Readonly<Record<string, unknown>>;

/**
 * Writes a value of a schema as ProtoJSON (Protocol Buffers' "ProtoJSON Format"; the reverse of parse.ts): fields in
 * the order of the API, keys of maps sorted, numbers of 64 bits and durations as text. Zero values, empty lists and
 * empty maps are left out, but not those of wrappers.
 */
export function writeProtoJson(schema: Schema, value: unknown): unknown {
  switch (schema.type) {
    case 'message':
    case 'object': {
      const given = value as Plain;
      const fields = schema.type === 'message' ? schema.fields() : schema.fields;
      return Object.fromEntries(
        Object.entries(fields).flatMap(([name, field]) =>
          given[name] === undefined || isZero(field, given[name]) ? [] : [[name, writeProtoJson(field, given[name])]],
        ),
      );
    }
    case 'repeated':
      return (value as readonly unknown[]).map((item) => writeProtoJson(schema.of, item));
    case 'map':
      return Object.fromEntries(
        Object.entries(value as Plain)
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([key, item]) => [key, writeProtoJson(schema.of, item)]),
      );
    case 'duration':
      return writeDuration(value as number);
    case 'wrapper':
      return writeProtoJson(schema.of, value);
    case 'int64':
      return String(value);
    default:
      return value;
  }
}

function isZero(schema: Schema, value: unknown): boolean {
  switch (schema.type) {
    case 'wrapper':
    case 'duration':
    case 'message':
    case 'object':
    case 'struct':
    case 'value':
      return false;
    case 'enum':
      return schema.values[value as string] === 0;
    case 'repeated':
    case 'map':
      return Object.keys(value as object).length === 0;
    default:
      return value === '' || value === 0 || value === false;
  }
}

/** Seconds with 0, 3, 6 or 9 decimals. */
function writeDuration(seconds: number): string {
  const nanos = Math.round(seconds * 1e9);
  const decimals = [0, 3, 6].find((count) => nanos % 10 ** (9 - count) === 0) ?? 9;
  return `${(nanos / 1e9).toFixed(decimals)}s`;
}
