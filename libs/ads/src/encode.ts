import type { Effect, Resource } from './types.ts';

type Send = Extract<Effect, { kind: 'send' }>;

/** A protobuf field of length-delimited bytes: tag, length, content (Protocol Buffers, "Encoding"). */
function field(number: number, content: Uint8Array): Uint8Array[] {
  return [varint(number << 3 | 2), varint(content.length), content];
}
function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    bytes.push(rest % 0x80 + 0x80);
    rest = Math.floor(rest / 0x80);
  }
  return Uint8Array.from([...bytes, rest]);
}
const text = (number: number, value: string): Uint8Array[] => (value === '' ? [] : field(number, Buffer.from(value)));
const anyOf = (typeUrl: string, bytes: Uint8Array): Buffer => Buffer.concat([...text(1, typeUrl), ...(bytes.length > 0 ? field(2, bytes) : [])]);

const sotwChunks = new WeakMap<Uint8Array, Buffer>();
const deltaChunks = new WeakMap<Uint8Array, Buffer>();

/** A resource as it stands in every response that carries it: made once. */
function chunk(typeUrl: string, { name, version, bytes }: Resource, delta: boolean): Buffer {
  const cache = delta ? deltaChunks : sotwChunks;
  const known = cache.get(bytes);
  if (known) return known;
  const any = anyOf(typeUrl, bytes);
  const made = Buffer.concat(field(2, delta ? Buffer.concat([...text(1, version), ...field(2, any), ...text(3, name)]) : any));
  cache.set(bytes, made);
  return made;
}

/** Whole responses by their first resource: streams that are sent the same share the bytes. Few are kept, and none longer than that resource. */
const responses = new WeakMap<Uint8Array, Map<string, Buffer>>();
const keptResponses = 8;

function shared(send: Send, variant: string, encode: () => Buffer): Buffer {
  const [first] = send.resources;
  if (!first) return encode();
  const known = responses.get(first.bytes) ?? new Map<string, Buffer>();
  responses.set(first.bytes, known);
  const key = [variant, send.nonce, send.version, ...send.resources.map(({ version }) => version)].join(' ');
  const made = known.get(key) ?? encode();
  known.delete(key);
  known.set(key, made);
  for (const old of known.keys()) if (known.size > keptResponses) known.delete(old);
  return made;
}

/** envoy.service.discovery.v3.DiscoveryResponse. The bytes are shared: they must not be changed. */
export const encodeSotw = (send: Send): Buffer => shared(send, 'sotw', () => Buffer.concat([
  ...text(1, send.version), ...send.resources.map((resource) => chunk(send.typeUrl, resource, false)), ...text(4, send.typeUrl), ...text(5, send.nonce),
]));

/** envoy.service.discovery.v3.DeltaDiscoveryResponse, likewise shared. */
export const encodeDelta = (send: Send): Buffer => shared(send, 'delta', () => Buffer.concat([
  ...text(1, send.version), ...send.resources.map((resource) => chunk(send.typeUrl, resource, true)), ...text(4, send.typeUrl), ...text(5, send.nonce),
  ...send.removed.flatMap((name) => text(6, name)),
]));
