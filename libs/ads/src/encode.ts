import { chunksOf, lengthOf, Lru, type Chunks } from '@flotilla/std';
import type { Effect, Resource } from './types.ts';

type Send = Extract<Effect, { kind: 'send' }>;

/** Tag and length of a protobuf field of bytes (Protocol Buffers, "Encoding"); the bytes follow. */
function head(number: number, length: number): number[] {
  const bytes = [(number << 3) | 2];
  let rest = length;
  for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) + 0x80);
  return [...bytes, rest];
}

/** A message as pieces that are laid one after the other, so that what is in them is copied once. */
class Pieces {
  readonly #parts: Uint8Array[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Adds a field of text; an empty one is left out, as proto3 does. */
  text(number: number, value: string): this {
    return value === '' ? this : this.bytes(number, Buffer.from(value));
  }

  bytes(number: number, content: Chunks): this {
    this.#add(Uint8Array.from(head(number, lengthOf(content))));
    for (const chunk of chunksOf(content)) this.#add(chunk);
    return this;
  }

  message(number: number, content: Pieces): this {
    this.#add(Uint8Array.from(head(number, content.length)));
    for (const part of content.#parts) this.#add(part);
    return this;
  }

  join(): Buffer {
    return Buffer.concat(this.#parts, this.#length);
  }

  #add(part: Uint8Array): this {
    this.#parts.push(part);
    this.#length += part.length;
    return this;
  }
}

const anyOf = (typeUrl: string, { bytes }: Resource): Pieces => {
  const any = new Pieces().text(1, typeUrl);
  return lengthOf(bytes) > 0 ? any.bytes(2, bytes) : any;
};

/** envoy.service.discovery.v3.DiscoveryResponse */
function sotw({ typeUrl, nonce, version, resources }: Send): Buffer {
  const response = new Pieces().text(1, version);
  for (const resource of resources) response.message(2, anyOf(typeUrl, resource));
  return response.text(4, typeUrl).text(5, nonce).join();
}

/** envoy.service.discovery.v3.DeltaDiscoveryResponse */
function delta({ typeUrl, nonce, version, resources, removed }: Send): Buffer {
  const response = new Pieces().text(1, version);
  for (const resource of resources)
    response.message(
      2,
      new Pieces().text(1, resource.version).message(2, anyOf(typeUrl, resource)).text(3, resource.name),
    );
  response.text(4, typeUrl).text(5, nonce);
  for (const name of removed) response.text(6, name);
  return response.join();
}

const keptBytes = 16 << 20;

const sameItems = <T>(a: readonly T[], b: readonly T[]): boolean =>
  a.length === b.length && a.every((item, i) => item === b[i]);
const sameSend = (a: Send, b: Send): boolean =>
  a.version === b.version &&
  a.typeUrl === b.typeUrl &&
  sameItems(a.resources, b.resources) &&
  sameItems(a.removed, b.removed);

/** Encodes responses. Streams that are sent the same share the bytes, which must not be changed. */
export class ResponseEncoder {
  /** By nonce, which distinguishes most others. */
  readonly #kept = new Lru<{ readonly send: Send; readonly bytes: Buffer }>(keptBytes);

  encode(send: Send, variant: 'sotw' | 'delta'): Buffer {
    const id = `${variant} ${send.nonce}`;
    const known = this.#kept.get(id);
    if (known && sameSend(known.send, send)) return known.bytes;
    const bytes = variant === 'delta' ? delta(send) : sotw(send);
    this.#kept.set(id, { send, bytes }, bytes.length);
    return bytes;
  }
}
