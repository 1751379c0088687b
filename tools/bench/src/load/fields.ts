/** A field of an encoded protobuf message: bytes of text, messages and packed values, or a number. */
export interface Field {
  readonly number: number;
  readonly bytes?: Buffer;
  readonly value?: number;
}

/**
 * The fields of a message, one after the other, nothing decoded that nobody reads. Throws at bytes that are no
 * message.
 */
export function* fieldsOf(message: Buffer): Iterable<Field> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 0x80) {
      const byte = message[at++];
      if (byte === undefined) throw new Error('the message ends early');
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
  };
  const take = (length: number): Buffer => {
    if (at + length > message.length) throw new Error('the message ends early');
    return message.subarray(at, (at += length));
  };
  while (at < message.length) {
    const tag = varint();
    const number = Math.floor(tag / 8);
    switch (tag % 8) {
      case 0:
        yield { number, value: varint() };
        break;
      case 1:
        yield { number, bytes: take(8) };
        break;
      case 2:
        yield { number, bytes: take(varint()) };
        break;
      case 5:
        yield { number, bytes: take(4) };
        break;
      default:
        throw new Error(`wire type ${tag % 8} does not exist in proto3`);
    }
  }
}

/** The messages at a path of field numbers. */
export function messagesAt(message: Buffer, path: readonly number[]): Buffer[] {
  const [number, ...rest] = path;
  if (number === undefined) return [message];
  return [...fieldsOf(message)].flatMap((field) =>
    field.number === number && field.bytes ? messagesAt(field.bytes, rest) : [],
  );
}

export const textAt = (message: Buffer, path: readonly number[]): string =>
  messagesAt(message, path)[0]?.toString() ?? '';
