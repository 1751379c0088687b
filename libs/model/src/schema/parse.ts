import { longest, parseDecimal, parseSeconds, parseTimestamp, quote } from '@flotilla/std';
import { buildProblem } from '../messages/build-problem.ts';
import type { Problem } from '../problem.ts';
import type { Schema } from './schema.ts';

export interface ParseOptions {
  /** Where the value stands, for the paths of problems. */
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
/** Marks a value that could not be read; its problem is already told. */
const invalid = Symbol('invalid');
type Read = unknown;

/**
 * Reads a value as its schema says (Protocol Buffers' "ProtoJSON Format", with what Istio's own parser also takes:
 * snake_case names, numbers as text, enum numbers, Go durations). Returns the canonical value (camelCase names, enum
 * names, durations in seconds; absent and null are undefined) and what is wrong, each with the path of its field; with
 * errors the value holds what could be read. Texts of more than a mebibyte and keys of more than 1024 characters are
 * refused, and at most 50 problems are listed. Never throws.
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
}

function read(schema: Schema, raw: unknown, at: At): Read {
  if (at.depth > maxDepth) return refuse(at, `at most ${maxDepth} levels`, 'deeper ones');
  if (typeof raw === 'string' && raw.length > longest.text)
    return refuse(at, `a text of at most ${longest.text} characters`, raw);
  if (typeof raw === 'string' && !raw.isWellFormed()) return refuse(at, 'no surrogate without its pair', raw);
  switch (schema.type) {
    case 'message':
      return readMessage(schema, raw, at);
    case 'object':
      return readObject(schema, raw, at);
    case 'repeated':
      return readList(schema, raw, at);
    case 'map':
      return readMap(schema.of, raw, at);
    case 'wrapper':
      return read(schema.of, raw, at);
    case 'enum':
      return readEnum(schema, raw, at);
    case 'string':
      return typeof raw === 'string' ? raw : refuse(at, 'text', raw);
    case 'bytes':
      return typeof raw === 'string' && /^[A-Za-z0-9+/_-]*={0,2}$/.test(raw) ? raw : refuse(at, 'base64 text', raw);
    case 'bool':
      return typeof raw === 'boolean' ? raw : refuse(at, 'true or false', raw);
    case 'int':
      return readInteger(raw, at, [-(2 ** 31), 2 ** 31 - 1]);
    case 'uint':
      return readInteger(raw, at, [0, 2 ** 32 - 1]);
    case 'int64':
      return readInteger(raw, at, [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER]);
    case 'port':
      return isPort(raw) ? raw : refuse(at, 'a port number from 0 to 65535', raw);
    case 'intOrString':
      return isPort(raw) || typeof raw === 'string'
        ? raw
        : refuse(at, 'a port number from 0 to 65535, or the name of a port', raw);
    case 'double':
      return readDouble(raw, at);
    case 'duration':
      return readDuration(raw, at);
    case 'timestamp':
      return typeof raw === 'string' && parseTimestamp(raw) !== undefined
        ? raw
        : refuse(at, 'a time such as 2023-01-31T12:00:00Z', raw);
    case 'struct':
      return isObject(raw) ? readFree(raw, at) : refuse(at, 'an object', raw);
    case 'value':
      return readFree(raw, at);
  }
}

const fieldPath = ({ path }: Pick<At, 'path'>, name: string): string => (path === '' ? name : `${path}.${name}`);

const isObject = (raw: unknown): raw is Record<string, unknown> =>
  typeof raw === 'object' && raw !== null && !Array.isArray(raw);

function readMessage(schema: Extract<Schema, { type: 'message' }>, raw: unknown, at: At): Read {
  if (!isObject(raw)) return refuse(at, 'an object', raw);
  const fields = schema.fields();
  const out: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(raw)) {
    const name = Object.hasOwn(fields, key)
      ? key
      : key.replace(/_([a-zA-Z0-9])/g, (_, letter: string) => letter.toUpperCase());
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (!field) unknownField(at, key);
    else if (item !== null && item !== undefined) {
      const value = read(field, item, { ...at, path: fieldPath(at, name), depth: at.depth + 1 });
      if (value !== invalid) out[name] = value;
    }
  }
  return out;
}

function readObject({ fields, required }: Extract<Schema, { type: 'object' }>, raw: unknown, at: At): Read {
  if (!isObject(raw)) return refuse(at, 'an object', raw);
  const out: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(fields)) {
    const item = Object.hasOwn(raw, name) ? raw[name] : undefined;
    const inside = { ...at, path: fieldPath(at, name), depth: at.depth + 1 };
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
function readFree(raw: unknown, at: At): Read {
  if (at.depth > maxDepth) return refuse(at, `at most ${maxDepth} levels`, 'deeper ones');
  if (typeof raw === 'string')
    return raw.length <= longest.text ? raw : refuse(at, `a text of at most ${longest.text} characters`, raw);
  if (typeof raw !== 'object' || raw === null) return raw;
  for (const [key, item] of Object.entries(raw)) {
    if (key.length > longest.key) return refuse(at, `keys of at most ${longest.key} characters`, key);
    if (
      readFree(item, {
        ...at,
        path: Array.isArray(raw) ? `${at.path}[${key}]` : `${at.path}.${key}`,
        depth: at.depth + 1,
      }) === invalid
    )
      return invalid;
  }
  return raw;
}

function readList({ of, atMost = Infinity }: Extract<Schema, { type: 'repeated' }>, raw: unknown, at: At): Read {
  if (!Array.isArray(raw)) return refuse(at, 'a list', raw);
  if (raw.length > atMost) return refuse(at, `at most ${atMost} items`, raw);
  return raw.flatMap((item: unknown, i) => {
    const inside = { ...at, path: `${at.path}[${i}]`, depth: at.depth + 1 };
    // In a list of messages null is the empty one, as protobuf reads it.
    const given = item === null && of.type === 'message' ? {} : item;
    const value = given === null ? refuse(inside, 'a value', given) : read(of, given, inside);
    return value === invalid ? [] : [value];
  });
}

function readMap(of: Schema, raw: unknown, at: At): Read {
  if (!isObject(raw)) return refuse(at, 'an object', raw);
  return Object.fromEntries(
    Object.entries(raw).flatMap(([key, item]) => {
      if (key.length > longest.key) return (refuse(at, `keys of at most ${longest.key} characters`, key), []);
      const inside = { ...at, path: `${at.path}[${JSON.stringify(key)}]`, depth: at.depth + 1 };
      // In a list of messages null is the empty one, as protobuf reads it.
      const given = item === null && of.type === 'message' ? {} : item;
      const value = given === null ? refuse(inside, 'a value', given) : read(of, given, inside);
      return value === invalid ? [] : [[key, value]];
    }),
  );
}

function readEnum({ values, open = false }: Extract<Schema, { type: 'enum' }>, raw: unknown, at: At): Read {
  if (typeof raw === 'string' && Object.hasOwn(values, raw)) return raw;
  if (typeof raw === 'number' && Number.isInteger(raw))
    return Object.keys(values).find((name) => values[name] === raw) ?? (open ? String(raw) : Object.keys(values)[0]);
  return refuse(at, `one of ${Object.keys(values).join(', ')}`, raw);
}

function readInteger(raw: unknown, at: At, [min, max]: readonly [number, number]): Read {
  const number = typeof raw === 'string' ? parseDecimal(raw) : raw;
  if (typeof number !== 'number' || !Number.isInteger(number)) return refuse(at, 'a whole number', raw);
  return number >= min && number <= max ? number : refuse(at, `a whole number from ${min} to ${max}`, raw);
}

function readDouble(raw: unknown, at: At): Read {
  const number = typeof raw === 'string' ? parseDecimal(raw) : raw;
  return typeof number === 'number' && (!Number.isNaN(number) || raw === 'NaN') ? number : refuse(at, 'a number', raw);
}

function readDuration(raw: unknown, at: At): Read {
  // a canonical value is one already
  if (typeof raw === 'number' && Number.isFinite(raw)) return raw;
  const seconds = typeof raw === 'string' ? parseSeconds(raw) : undefined;
  return seconds?.ok ? seconds.value : refuse(at, 'a duration such as 1.5s', raw);
}

function refuse({ path, context }: At, expected: string, raw: unknown): typeof invalid {
  const shown =
    typeof raw === 'string'
      ? JSON.stringify(raw.length > 60 ? `${raw.slice(0, 60)}...` : raw)
      : Array.isArray(raw)
        ? `a list of ${raw.length}`
        : isObject(raw)
          ? 'an object'
          : String(raw);
  report(context, buildProblem('WrongType', { expected, found: shown }, path));
  return invalid;
}

function report(context: Context, problem: Problem): void {
  if (context.problems.length < maxProblems) context.problems.push(problem);
  else context.unlisted[problem.level === 'error' ? 'error' : 'warning'] += 1;
}
