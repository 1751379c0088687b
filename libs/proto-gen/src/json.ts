import { readFileSync } from 'node:fs';
import { joined, parseNanoseconds, type Chunks } from '@flotilla/std';
import protobuf from 'protobufjs';
import { wellKnownFromJson, wellKnownToJson } from './well-known.ts';

/**
 * Protobuf's JSON mapping ("ProtoJSON Format") over the same descriptors as the static code: for canonical dumps,
 * config_dump and patches.
 */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

let loaded: protobuf.Root | undefined;
const root = (): protobuf.Root => {
  if (!loaded) {
    loaded = protobuf.Root.fromJSON(
      JSON.parse(readFileSync(new URL('../gen/descriptors.json', import.meta.url), 'utf8')) as protobuf.INamespace,
    );
    loaded.resolveAll();
  }
  return loaded;
};

const typeOf = (name: string): protobuf.Type => root().lookupType(name.replace(/^.*\//, ''));

/** A message's bytes as canonical JSON. Throws for an unknown type or malformed bytes. */
export const toJson = (typeName: string, bytes: Chunks): Json => {
  const type = typeOf(typeName);
  return messageToJson(type, type.decode(joined(bytes)) as unknown as Record<string, unknown>);
};

/** The bytes that JSON means. Unknown fields throw, named by their path. */
export const fromJson = (typeName: string, json: Json): Uint8Array => {
  const type = typeOf(typeName);
  return type.encode(messageFromJson(type, json, { path: type.name, codec: anyCodec }) as never).finish();
};

/**
 * Why JSON cannot be a message, with the path of the value; undefined when it can. Fields and types that these
 * descriptors do not have are passed over: others may have them.
 */
export function jsonMistake(typeName: string, json: Json): string | undefined {
  const type = typeOf(typeName);
  try {
    messageFromJson(type, json, { path: type.name, codec: lenientCodec });
    return undefined;
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message : String(thrown);
  }
}

const isGoDuration = (type: protobuf.Type, json: Json): boolean =>
  type.fullName === '.google.protobuf.Duration' && typeof json === 'string' && parseNanoseconds(json).ok;

interface Codec {
  readonly toJson: (typeName: string, bytes: Uint8Array) => Json;
  readonly fromJson: (typeName: string, json: Json) => Uint8Array;
}
interface Place {
  readonly path: string;
  readonly codec: Codec;
}
const anyCodec: Codec = { toJson, fromJson };
const lenientCodec: Codec = {
  toJson,
  fromJson(typeName, json) {
    const type = root().lookup(typeName);
    if (type instanceof protobuf.Type) messageFromJson(type, json, { path: type.name, codec: lenientCodec });
    return new Uint8Array();
  },
};

function messageToJson(type: protobuf.Type, message: Record<string, unknown>): Json {
  const special = wellKnownToJson(type.fullName.slice(1), message, anyCodec);
  if (special !== undefined) return special as Json;
  const out: Record<string, Json> = {};
  for (const field of type.fieldsArray) {
    const value = message[field.name];
    if (!Object.hasOwn(message, field.name) || value === undefined || value === null) continue;
    if (field.map) {
      const entries = Object.entries(value as Record<string, unknown>).sort(([a], [b]) => (a < b ? -1 : 1));
      if (entries.length > 0)
        out[jsonName(field)] = Object.fromEntries(entries.map(([key, item]) => [key, valueToJson(field, item)]));
    } else if (field.repeated) {
      const items = value as unknown[];
      if (items.length > 0) out[jsonName(field)] = items.map((item) => valueToJson(field, item));
    } else if (field.partOf || field.resolvedType instanceof protobuf.Type || !isDefault(field, value))
      out[jsonName(field)] = valueToJson(field, value);
  }
  return out;
}

/** protobufjs keeps an underscore before a digit; the JSON mapping doesn't. */
const jsonName = (field: protobuf.Field): string =>
  field.name.replace(/_(.)/g, (_, next: string) => next.toUpperCase());

const isDefault = (field: protobuf.Field, value: unknown): boolean =>
  value === false ||
  value === 0 ||
  value === '' ||
  (value instanceof Uint8Array && value.length === 0) ||
  (field.type.includes('64') && String(value) === '0');

function valueToJson(field: protobuf.Field, value: unknown): Json {
  const { resolvedType } = field;
  if (resolvedType instanceof protobuf.Type) return messageToJson(resolvedType, value as Record<string, unknown>);
  if (resolvedType instanceof protobuf.Enum)
    return resolvedType.fullName === '.google.protobuf.NullValue'
      ? null
      : (resolvedType.valuesById[value as number] ?? (value as number));
  if (field.type === 'bytes') return Buffer.from(value as Uint8Array).toString('base64');
  if (field.type.includes('64')) return String(value);
  return Number.isFinite(value) || typeof value !== 'number' ? (value as Json) : String(value);
}

function messageFromJson(type: protobuf.Type, json: Json, { path, codec }: Place): Record<string, unknown> {
  // Istio's reader takes Go's durations, too.
  if (codec === lenientCodec && isGoDuration(type, json)) return {};
  const special = wellKnownFromJson(type.fullName.slice(1), json, codec);
  if (special !== undefined) return special;
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new Error(`${path}: expected an object of ${type.name}`);
  const out: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(json)) {
    const fieldNamed = (name: string): protobuf.Field | undefined =>
      Object.hasOwn(type.fields, name) ? type.fields[name] : undefined;
    const field =
      fieldNamed(key) ??
      fieldNamed(key.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())) ??
      type.fieldsArray.find((one) => jsonName(one) === key);
    if (!field && codec === lenientCodec) continue;
    if (!field) throw new Error(`${path}.${key}: ${type.name} has no such field`);
    if (item === null && field.resolvedType?.fullName !== '.google.protobuf.Value') continue;
    const fieldPath = `${path}.${field.name}`;
    if (field.map)
      out[field.name] = Object.fromEntries(
        Object.entries(item as Record<string, Json>).map(([k, v]) => [
          k,
          valueFromJson(field, v, { path: `${fieldPath}.${k}`, codec }),
        ]),
      );
    else if (field.repeated) {
      if (!Array.isArray(item)) throw new Error(`${fieldPath}: expected a list`);
      out[field.name] = item.map((each, i) => valueFromJson(field, each, { path: `${fieldPath}[${i}]`, codec }));
    } else out[field.name] = valueFromJson(field, item, { path: fieldPath, codec });
  }
  return out;
}

function valueFromJson(field: protobuf.Field, json: Json, { path, codec }: Place): unknown {
  const { resolvedType } = field;
  if (resolvedType instanceof protobuf.Type) return messageFromJson(resolvedType, json, { path, codec });
  if (resolvedType instanceof protobuf.Enum) {
    const value = typeof json === 'number' ? json : resolvedType.values[String(json)];
    if (value === undefined)
      throw new Error(`${path}: ${JSON.stringify(json)} is not one of ${Object.keys(resolvedType.values).join(', ')}`);
    return value;
  }
  if (field.type === 'bytes') return Buffer.from(String(json), 'base64');
  if (field.type === 'string') {
    if (typeof json !== 'string') throw new Error(`${path}: expected text`);
    return json;
  }
  if (field.type === 'bool') {
    if (typeof json !== 'boolean') throw new Error(`${path}: expected true or false`);
    return json;
  }
  const number = Number(json);
  if (typeof json === 'boolean' || json === '' || (Number.isNaN(number) && json !== 'NaN'))
    throw new Error(`${path}: expected a number`);
  return number;
}
