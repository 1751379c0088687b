/** A field of a protobuf message: its number, and where its content starts and ends in the bytes. */
export interface Field {
  readonly number: number;
  readonly isBytes: boolean;
  readonly start: number;
  readonly end: number;
}

/** Bytes that are not a message of the protobuf wire format. */
export class MalformedMessage extends Error {}

const malformed = (at: number): never => {
  throw new MalformedMessage(`the bytes are not a protobuf message: byte ${at}`);
};

/**
 * The fields of a message one after the other, undecoded (Protocol Buffers, "Encoding"). Throws MalformedMessage, also
 * for groups, which proto3 does not have. Linear in the fields that are read.
 */
export class FieldReader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #at: number;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  get at(): number {
    return this.#at;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#end;
  }

  /** Goes on behind a part that the caller has read. */
  skipTo(at: number): void {
    this.#at = at;
  }

  next(): Field {
    const tag = this.#varint();
    const number = Math.floor(tag / 8);
    // A tag that is padded to more bytes than it needs would be another way to write the same field.
    if (number === 0 || number > 0x1fff_ffff || (tag > 0x7f && this.#bytes[this.#at - 1] === 0)) malformed(this.#at);
    const wireType = tag % 8;
    let start = this.#at;
    if (wireType === 0) this.#varint();
    else if (wireType === 1) this.#skip(8);
    else if (wireType === 5) this.#skip(4);
    else if (wireType === 2) {
      const length = this.#varint();
      start = this.#at;
      this.#skip(length);
    } else malformed(this.#at);
    return { number, isBytes: wireType === 2, start, end: this.#at };
  }

  #skip(length: number): void {
    if (length > this.#end - this.#at) malformed(this.#at);
    this.#at += length;
  }

  /** At most ten bytes; what does not fit a double is too large for any tag or length, and stays too large. */
  #varint(): number {
    let value = 0;
    for (let factor = 1, count = 0; count < 10; factor *= 0x80, count += 1) {
      if (this.#at >= this.#end) malformed(this.#at);
      const byte = this.#bytes[this.#at++] ?? 0;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
    return malformed(this.#at);
  }
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The text of a field. Throws MalformedMessage for bytes that are not UTF-8. */
export function textAt(bytes: Buffer, { start, end }: { readonly start: number; readonly end: number }): string {
  const text = bytes.toString('utf8', start, end);
  if (!text.includes('\ufffd')) return text;
  try {
    return strict.decode(bytes.subarray(start, end));
  } catch {
    return malformed(start);
  }
}
