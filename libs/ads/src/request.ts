import { Lru } from '@flotilla/std';
import type { RequestEvent } from './types.ts';
import { FieldReader, MalformedMessage, textAt, type Field } from './wire.ts';

/** How large a request may be, each in its own way; checked before anything is decoded. */
export interface RequestLimits {
  readonly requestBytes: number;
  /** Bytes of a name, and of a type's URL and a nonce too. */
  readonly nameBytes: number;
  /** Bytes of a node: its metadata, extensions and all else that Envoy says of itself. */
  readonly nodeBytes: number;
  /** Names in one request, of each of its lists. */
  readonly names: number;
}
export type RequestLimit = 'xds_request_bytes' | 'xds_name_bytes' | 'xds_node_bytes' | 'xds_names_per_type';

/** A request beyond a limit. */
export class RequestTooLarge extends Error {
  readonly limit: RequestLimit;

  constructor(limit: RequestLimit, message: string) {
    super(message);
    this.limit = limit;
  }
}

/**
 * A request as the state machine takes it; `node` is the encoded message that Envoy names itself with, undecoded: often
 * a part of the request's bytes.
 */
export interface Request {
  readonly event: RequestEvent;
  readonly node?: Uint8Array;
}
export type ReadRequest = (bytes: Buffer) => Request;

/** Numbers of the fields that are read: envoy.service.discovery.v3.DiscoveryRequest and DeltaDiscoveryRequest. */
const sotwFields = { node: 2, names: 3, typeUrl: 4, nonce: 5, error: 6 };
const deltaFields = { node: 1, typeUrl: 2, subscribe: 3, unsubscribe: 4, initialVersions: 5, nonce: 6, error: 7 };
/** google.rpc.Status; and an entry of a map. */
const errorMessage = 2;
const entryFields = { key: 1, value: 2 };
/** Of an error so many bytes are read. */
const maxErrorBytes = 8192;

/**
 * Reads DiscoveryRequests or DeltaDiscoveryRequests. What the state machine doesn't need is not decoded, so that it
 * costs next to nothing. The function throws RequestTooLarge, and MalformedMessage for bytes that are not a request.
 */
export function createRequestReader(variant: 'sotw' | 'delta', limits: RequestLimits): ReadRequest {
  const read = variant === 'sotw' ? sotwReader(limits) : (bytes: Buffer) => readDelta(bytes, limits);
  return (bytes) => {
    if (bytes.length > limits.requestBytes)
      throw new RequestTooLarge(
        'xds_request_bytes',
        `the request has ${bytes.length} bytes, more than ${limits.requestBytes}`,
      );
    return read(bytes);
  };
}

/** Fields beside names that a request may have: each is given once, and a future version may have more. */
const maxFields = 100;

interface FieldNumbers {
  readonly node: number;
  readonly typeUrl: number;
  readonly nonce: number;
  readonly error: number;
}

/** What both variants have. Fields that are given twice are merged, or the last one is taken, as protobuf has it. */
class Common {
  readonly #bytes: Buffer;
  readonly #limits: RequestLimits;
  readonly #fields: FieldNumbers;
  #count = 0;
  #typeUrl: Field | undefined;
  #nonce: Field | undefined;
  #error: Field | undefined;
  readonly #node: Uint8Array[] = [];
  #nodeBytes = 0;

  constructor(bytes: Buffer, limits: RequestLimits, fields: FieldNumbers) {
    this.#bytes = bytes;
    this.#limits = limits;
    this.#fields = fields;
  }

  take(field: Field): void {
    this.#count += 1;
    if (this.#count > maxFields) throw new MalformedMessage(`more than ${maxFields} fields beside names`);
    if (!field.isBytes) return;
    if (field.number === this.#fields.typeUrl) this.#typeUrl = field;
    else if (field.number === this.#fields.nonce) this.#nonce = field;
    else if (field.number === this.#fields.error) this.#error = field;
    else if (field.number === this.#fields.node) this.#takeNode(field);
  }

  /** The text of a field that is limited as names are. */
  name(field: Field): string {
    checkName(field, this.#limits);
    return textAt(this.#bytes, field);
  }

  read(): { readonly typeUrl: string; readonly nonce: string; readonly error?: string } {
    const text = (field: Field | undefined): string => (field ? this.name(field) : '');
    return {
      typeUrl: text(this.#typeUrl),
      nonce: text(this.#nonce),
      ...(this.#error ? { error: errorOf(this.#bytes, this.#error) } : {}),
    };
  }

  /** Encoded messages one after the other are the encoding of the merged one. */
  node(): { readonly node?: Uint8Array } {
    const [only] = this.#node;
    if (!only) return {};
    return { node: this.#node.length > 1 ? Buffer.concat(this.#node) : only };
  }

  #takeNode({ start, end }: Field): void {
    this.#nodeBytes += end - start;
    const { nodeBytes } = this.#limits;
    if (this.#nodeBytes > nodeBytes)
      throw new RequestTooLarge('xds_node_bytes', `the node has ${this.#nodeBytes} bytes, more than ${nodeBytes}`);
    this.#node.push(this.#bytes.subarray(start, end));
  }
}

function checkName({ start, end }: Field, { nameBytes }: RequestLimits): void {
  if (end - start > nameBytes)
    throw new RequestTooLarge('xds_name_bytes', `a name has ${end - start} bytes, more than ${nameBytes}`);
}

function checkCount(count: number, { names }: RequestLimits): void {
  if (count > names) throw new RequestTooLarge('xds_names_per_type', `more than ${names} names in one request`);
}

/** The fields of a small message inside a request. */
function* fieldsIn(bytes: Buffer, { start, end }: Field): Iterable<Field> {
  const fields = new FieldReader(bytes, start, end);
  for (let count = 1; !fields.isAtEnd; count += 1) {
    if (count > maxFields) throw new MalformedMessage(`more than ${maxFields} fields in a field`);
    yield fields.next();
  }
}

/** The message of a google.rpc.Status, its beginning if it is long. */
function errorOf(bytes: Buffer, status: Field): string {
  let message = '';
  for (const { number, isBytes, start, end } of fieldsIn(bytes, status)) {
    if (number === errorMessage && isBytes)
      message = bytes.toString('utf8', start, Math.min(end, start + maxErrorBytes));
  }
  return message;
}

function readDelta(bytes: Buffer, limits: RequestLimits): Request {
  const common = new Common(bytes, limits, deltaFields);
  const subscribe: string[] = [];
  const unsubscribe: string[] = [];
  const initialVersions = new Map<string, string>();
  let versions = 0;
  for (const fields = new FieldReader(bytes); !fields.isAtEnd;) {
    const field = fields.next();
    const { number, isBytes } = field;
    if (isBytes && number === deltaFields.subscribe) checkCount(subscribe.push(common.name(field)), limits);
    else if (isBytes && number === deltaFields.unsubscribe) checkCount(unsubscribe.push(common.name(field)), limits);
    else if (isBytes && number === deltaFields.initialVersions) {
      checkCount((versions += 1), limits);
      initialVersions.set(...entryOf(bytes, field, common));
    } else common.take(field);
  }
  return { event: { kind: 'delta', ...common.read(), subscribe, unsubscribe, initialVersions }, ...common.node() };
}

function entryOf(bytes: Buffer, entry: Field, common: Common): [key: string, value: string] {
  const texts: [string, string] = ['', ''];
  for (const field of fieldsIn(bytes, entry)) {
    if (field.isBytes && (field.number === entryFields.key || field.number === entryFields.value))
      texts[field.number - 1] = common.name(field);
  }
  return texts;
}

/** Shorter lists are decoded as fast as they are looked up. */
const minBytes = 1024;
const keptBytes = 4 << 20;
/** Where a list's bytes are looked at to find one that may be the same. */
const samples = [0.21, 0.48, 0.77, 1];
/** The tag of a name. */
const nameTag = (sotwFields.names << 3) | 2;

interface NameList {
  readonly bytes: Buffer;
  readonly names: readonly string[];
}

/**
 * A client repeats with every acknowledgement all the names it wants, and clients of one kind want the same: a list of
 * names whose bytes are known is the very list that was decoded first. Lists must not be changed.
 */
function sotwReader(limits: RequestLimits): ReadRequest {
  const lists = new Lru<NameList>(keptBytes);
  let last: NameList | undefined;
  const listOf = (bytes: Buffer): NameList => {
    if (bytes.length < minBytes) return { bytes, names: decodeNames(bytes, limits) };
    const id = `${bytes.length} ${samples.map((share) => bytes.readUInt32LE(Math.floor(share * (bytes.length - 4)))).join(' ')}`;
    const known = lists.get(id);
    if (known?.bytes.equals(bytes)) return known;
    // A copy: what is kept must not keep the rest of the request.
    const made = { bytes: Buffer.from(bytes), names: decodeNames(bytes, limits) };
    lists.set(id, made, bytes.length);
    return made;
  };
  return (bytes) => {
    const common = new Common(bytes, limits, sotwFields);
    const runs: (readonly string[])[] = [];
    for (const fields = new FieldReader(bytes); !fields.isAtEnd;) {
      const start = fields.at;
      if (bytes[start] !== nameTag) {
        common.take(fields.next());
        continue;
      }
      const known = last && startsWith(bytes, start, last.bytes) ? last : undefined;
      fields.skipTo(start + (known?.bytes.length ?? 0));
      const end = fields.at;
      while (!fields.isAtEnd && bytes[fields.at] === nameTag) fields.next();
      const list = known && fields.at === end ? known : listOf(bytes.subarray(start, fields.at));
      if (list.bytes.length >= minBytes) last = list;
      if (runs.push(list.names) > maxFields) throw new MalformedMessage(`names in more than ${maxFields} places`);
    }
    const [only = []] = runs;
    const names = runs.length > 1 ? runs.flat() : only;
    checkCount(names.length, limits);
    return { event: { kind: 'sotw', ...common.read(), names }, ...common.node() };
  };
}

const startsWith = (bytes: Buffer, at: number, expected: Buffer): boolean =>
  at + expected.length <= bytes.length && bytes.compare(expected, 0, expected.length, at, at + expected.length) === 0;

function decodeNames(bytes: Buffer, limits: RequestLimits): readonly string[] {
  const names: string[] = [];
  for (const fields = new FieldReader(bytes); !fields.isAtEnd;) {
    const field = fields.next();
    checkName(field, limits);
    checkCount(names.push(textAt(bytes, field)), limits);
  }
  return names;
}
