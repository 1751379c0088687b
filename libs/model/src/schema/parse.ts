import { longest, parseDecimal, parseSeconds, parseTimestamp, quote, isRecord } from '@flotilla/std';
import { buildProblem } from '../messages/build-problem.ts';
import type { Problem } from '../problem.ts';
import type { Schema } from './schema.ts';

export interface ParseOptions {
  /** The path of the value, for the paths of problems. */
  readonly path?: string;
  /** `strict` refuses unknown fields (istioctl validate); `lenient` drops them with a warning (the webhook). */
  readonly unknownFields?: 'strict' | 'lenient';
}
export interface Parsed {
  readonly value: unknown;
  readonly problems: readonly Problem[];
}

interface Context {
  readonly options: ParseOptions;
  readonly problems: Problem[];
  readonly unlisted: { error: number; warning: number };
}
/** An object with more mistakes than these is wrong altogether; the rest are counted. */
const maxProblems = 50;
const maxDepth = 100;
/** The numbers of protobuf's int32, and so of enums. */
const int32 = [-(2 ** 31), 2 ** 31 - 1] as const;
/** Marks a value that could not be read; its problem is already told. */
const invalid = Symbol('invalid');
type Read = unknown;

/**
 * Reads a value as its schema says (Protocol Buffers' "ProtoJSON Format", with what Istio's own parser also takes:
 * snake_case names, numbers as text, enum numbers, Go durations). Returns the canonical value (camelCase names, enum
 * names, durations in seconds; absent, null and, in messages, an empty list are undefined) and what is wrong, each with
 * the path of its field; with errors the value holds what could be read. Texts of more than a mebibyte and keys of more
 * than 1024 characters are refused, and at most 50 problems are listed. Never throws.
 */
export function parseValue(schema: Schema, raw: unknown, options: ParseOptions = {}): Parsed {
  const context: Context = { options, problems: [], unlisted: { error: 0, warning: 0 } };
  const path = options.path ?? '';
  const value = read(schema, raw, { path, context, depth: 0 });
  for (const level of ['error', 'warning'] as const) {
    const count = context.unlisted[level];
    if (count > 0)
      context.problems.push(buildProblem(level === 'error' ? 'MoreErrors' : 'MoreWarnings', { count }, path));
  }
  return { value: value === invalid ? undefined : value, problems: context.problems };
}

interface At {
  readonly path: string;
  readonly context: Context;
  readonly depth: number;
  /** Within an object of Kubernetes, whose API server lets no null into a list or map. */
  readonly inKubernetes?: boolean;
}

function read(schema: Schema, raw: unknown, place: At): Read {
  if (place.depth > maxDepth) return refuse(place, `at most ${maxDepth} levels`, 'deeper ones');
  if (typeof raw === 'string' && raw.length > longest.text)
    return refuse(place, `a text of at most ${longest.text} characters`, raw);
  if (typeof raw === 'string' && !raw.isWellFormed()) return refuse(place, 'no surrogate without its pair', raw);
  switch (schema.type) {
    case 'message':
      return readMessage(schema, raw, place);
    case 'object':
      return readObject(schema, raw, place);
    case 'repeated':
      return readList(schema, raw, place);
    case 'map':
      return readMap(schema.of, raw, place);
    case 'wrapper':
      return read(schema.of, raw, place);
    case 'enum':
      return readEnum(schema, raw, place);
    case 'string':
      return typeof raw === 'string' ? raw : refuse(place, 'text', raw);
    case 'bytes':
      return typeof raw === 'string' && /^[A-Za-z0-9+/_-]*={0,2}$/.test(raw) ? raw : refuse(place, 'base64 text', raw);
    case 'bool':
      return typeof raw === 'boolean' ? raw : refuse(place, 'true or false', raw);
    case 'int':
      return readInteger(raw, place, int32);
    case 'uint':
      return readInteger(raw, place, [0, 2 ** 32 - 1]);
    case 'int64':
      return readInteger(raw, place, [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER]);
    case 'port':
      return isPort(raw) ? raw : refuse(place, 'a port number from 0 to 65535', raw);
    case 'intOrString':
      return isPort(raw) || typeof raw === 'string'
        ? raw
        : refuse(place, 'a port number from 0 to 65535, or the name of a port', raw);
    case 'double':
      return readDouble(raw, place);
    case 'duration':
      return readDuration(raw, place);
    case 'timestamp':
      return typeof raw === 'string' && parseTimestamp(raw) !== undefined
        ? raw
        : refuse(place, 'a time such as 2023-01-31T12:00:00Z', raw);
    case 'struct':
      return isRecord(raw) ? readFree(raw, place) : refuse(place, 'an object', raw);
    case 'value':
      return readFree(raw, place);
  }
}

const fieldPath = ({ path }: Pick<At, 'path'>, name: string): string => (path === '' ? name : `${path}.${name}`);

function readMessage(schema: Extract<Schema, { type: 'message' }>, raw: unknown, place: At): Read {
  if (!isRecord(raw)) return refuse(place, 'an object', raw);
  const fields = schema.fields();
  const out: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(raw)) {
    const name = Object.hasOwn(fields, key)
      ? key
      : key.replace(/_([a-zA-Z0-9])/g, (_, letter: string) => letter.toUpperCase());
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (!field) unknownField(place, key);
    else if (item !== null && item !== undefined) {
      const value = read(field, item, { ...place, path: fieldPath(place, name), depth: place.depth + 1 });
      if (value !== invalid && !isEmptyList(value)) out[name] = value;
    }
  }
  return lastOfEach(schema.oneofs, out);
}

/** Protobuf does not tell an empty list from an absent one. */
const isEmptyList = (value: unknown): boolean => Array.isArray(value) && value.length === 0;

/** Of several members of a oneof, protobuf for Go keeps the one that its message declares last. */
function lastOfEach(
  oneofs: readonly (readonly string[])[],
  fields: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const dropped = oneofs.flatMap((members) => members.filter((name) => Object.hasOwn(fields, name)).slice(0, -1));
  return dropped.length === 0
    ? fields
    : Object.fromEntries(Object.entries(fields).filter(([name]) => !dropped.includes(name)));
}

function readObject({ fields, required }: Extract<Schema, { type: 'object' }>, raw: unknown, place: At): Read {
  if (!isRecord(raw)) return refuse(place, 'an object', raw);
  const out: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(fields)) {
    const item = Object.hasOwn(raw, name) ? raw[name] : undefined;
    const inside = { ...place, path: fieldPath(place, name), depth: place.depth + 1, inKubernetes: true };
    if (item !== null && item !== undefined) {
      const value = read(field, item, inside);
      if (value !== invalid) out[name] = value;
    } else if (required.includes(name)) refuse(inside, 'a value', item);
  }
  return out;
}

const isPort = (raw: unknown): raw is number =>
  typeof raw === 'number' && Number.isInteger(raw) && raw >= 0 && raw <= 65_535;

function unknownField({ path, context }: At, key: string): void {
  const strict = context.options.unknownFields === 'strict';
  const name = key.slice(0, longest.key);
  report(
    context,
    buildProblem(strict ? 'UnknownField' : 'IgnoredField', { name: quote(name) }, fieldPath({ path }, name)),
  );
}

/** A value without a schema: only its size is bounded. */
function readFree(raw: unknown, place: At): Read {
  if (place.depth > maxDepth) return refuse(place, `at most ${maxDepth} levels`, 'deeper ones');
  if (typeof raw === 'string')
    return raw.length <= longest.text ? raw : refuse(place, `a text of at most ${longest.text} characters`, raw);
  if (typeof raw !== 'object' || raw === null) return raw;
  for (const [key, item] of Object.entries(raw)) {
    if (key.length > longest.key) return refuse(place, `keys of at most ${longest.key} characters`, key);
    if (
      readFree(item, {
        ...place,
        path: Array.isArray(raw) ? `${place.path}[${key}]` : `${place.path}.${key}`,
        depth: place.depth + 1,
      }) === invalid
    )
      return invalid;
  }
  return raw;
}

function readList(
  { of: items, atMost = Infinity }: Extract<Schema, { type: 'repeated' }>,
  raw: unknown,
  place: At,
): Read {
  if (!Array.isArray(raw)) return refuse(place, 'a list', raw);
  if (raw.length > atMost) return refuse(place, `at most ${atMost} items`, raw);
  return raw.flatMap((item: unknown, i) => {
    const inside = { ...place, path: `${place.path}[${i}]`, depth: place.depth + 1 };
    const value = readItem(items, item, inside);
    return value === invalid ? [] : [value];
  });
}

/** An item of a list or map. In Istio's objects null is the zero value there, as protobuf for Go reads it. */
function readItem(items: Schema, item: unknown, place: At): Read {
  if (item !== null || items.type === 'value') return read(items, item, place);
  const zero = place.inKubernetes ? undefined : zeroOf(items);
  return zero === undefined ? refuse(place, 'a value', item) : read(items, zero, place);
}

function zeroOf(schema: Schema): unknown {
  switch (schema.type) {
    case 'message':
    case 'struct':
    case 'map':
      return {};
    case 'repeated':
      return [];
    case 'string':
    case 'bytes':
      return '';
    case 'bool':
      return false;
    case 'object':
    case 'timestamp':
    case 'intOrString':
    case 'value':
      return undefined;
    case 'wrapper':
      return zeroOf(schema.of);
    default:
      return 0;
  }
}

function readMap(items: Schema, raw: unknown, place: At): Read {
  if (!isRecord(raw)) return refuse(place, 'an object', raw);
  return Object.fromEntries(
    Object.entries(raw).flatMap(([key, item]) => {
      if (key.length > longest.key) return (refuse(place, `keys of at most ${longest.key} characters`, key), []);
      const inside = { ...place, path: `${place.path}[${JSON.stringify(key)}]`, depth: place.depth + 1 };
      const value = readItem(items, item, inside);
      return value === invalid ? [] : [[key, value]];
    }),
  );
}

function readEnum({ values, open = false }: Extract<Schema, { type: 'enum' }>, raw: unknown, place: At): Read {
  if (typeof raw === 'string' && Object.hasOwn(values, raw)) return raw;
  if (typeof raw === 'number' && Number.isInteger(raw) && raw >= int32[0] && raw <= int32[1])
    return Object.keys(values).find((name) => values[name] === raw) ?? (open ? String(raw) : Object.keys(values)[0]);
  return refuse(place, `one of ${Object.keys(values).join(', ')}`, raw);
}

function readInteger(raw: unknown, place: At, [min, max]: readonly [number, number]): Read {
  const number = typeof raw === 'string' ? parseDecimal(raw) : raw;
  if (typeof number !== 'number' || !Number.isInteger(number)) return refuse(place, 'a whole number', raw);
  return number >= min && number <= max ? number : refuse(place, `a whole number from ${min} to ${max}`, raw);
}

function readDouble(raw: unknown, place: At): Read {
  const number = typeof raw === 'string' ? parseDecimal(raw) : raw;
  return typeof number === 'number' && (!Number.isNaN(number) || raw === 'NaN')
    ? number
    : refuse(place, 'a number', raw);
}

function readDuration(raw: unknown, place: At): Read {
  // a canonical value is one already
  if (typeof raw === 'number' && Number.isFinite(raw)) return raw;
  const seconds = typeof raw === 'string' ? parseSeconds(raw) : undefined;
  return seconds?.ok ? seconds.value : refuse(place, 'a duration such as 1.5s', raw);
}

function refuse({ path, context }: At, expected: string, raw: unknown): typeof invalid {
  const shown =
    typeof raw === 'string'
      ? JSON.stringify(raw.length > 60 ? `${raw.slice(0, 60)}...` : raw)
      : Array.isArray(raw)
        ? `a list of ${raw.length}`
        : isRecord(raw)
          ? 'an object'
          : String(raw);
  report(context, buildProblem('WrongType', { expected, found: shown }, path));
  return invalid;
}

function report(context: Context, problem: Problem): void {
  if (context.problems.length < maxProblems) context.problems.push(problem);
  else context.unlisted[problem.level === 'error' ? 'error' : 'warning'] += 1;
}
