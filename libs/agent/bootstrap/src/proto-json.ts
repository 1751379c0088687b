import type { Schema } from '@flotilla/model';

/**
 * Canonical data of a schema as ProtoJSON: durations as text, zero values left out unless they are of a wrapper, empty
 * lists and maps left out. `int64` names the members (by their last name) that are 64-bit and so are written as text.
 */
export function toProtoJson(schema: Schema, value: unknown, int64: ReadonlySet<string> = new Set()): unknown {
  switch (schema.type) {
    case 'message': {
      const fields = schema.fields();
      return Object.fromEntries(
        Object.entries(value as Record<string, unknown>).flatMap(([name, item]) => {
          const field = fields[name];
          if (!field || item === undefined || isZero(field, item)) return [];
          const json = toProtoJson(field, item, int64);
          return [[name, int64.has(name) ? String(json) : json]];
        }),
      );
    }
    case 'repeated':
      return (value as unknown[]).map((item) => toProtoJson(schema.of, item, int64));
    case 'map':
      return Object.fromEntries(
        Object.entries(value as Record<string, unknown>).map(([key, item]) => [
          key,
          toProtoJson(schema.of, item, int64),
        ]),
      );
    case 'wrapper':
      return toProtoJson(schema.of, value, int64);
    case 'duration':
      return durationText(value as number);
    default:
      return value;
  }
}

/** Seconds as protobuf writes them: three, six or nine decimals, or none. */
export function durationText(seconds: number): string {
  const nanos = Math.round((seconds % 1) * 1e9);
  if (nanos === 0) return `${Math.trunc(seconds)}s`;
  const digits = String(Math.abs(nanos)).padStart(9, '0');
  return `${Math.trunc(seconds)}.${digits.endsWith('000000') ? digits.slice(0, 3) : digits.endsWith('000') ? digits.slice(0, 6) : digits}s`;
}

function isZero(schema: Schema, value: unknown): boolean {
  switch (schema.type) {
    case 'repeated':
      return (value as unknown[]).length === 0;
    case 'map':
      return Object.keys(value as object).length === 0;
    case 'enum':
      return schema.values[value as string] === 0;
    case 'string':
    case 'bytes':
      return value === '';
    case 'bool':
      return value === false;
    case 'int':
    case 'uint':
    case 'int64':
    case 'double':
      return value === 0;
    default:
      return false;
  }
}
