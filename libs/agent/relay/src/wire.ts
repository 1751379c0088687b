/**
 * Field 4 of both DiscoveryResponse and DeltaDiscoveryResponse, and of DiscoveryRequest (type_url);
 * DeltaDiscoveryRequest has it as field 2.
 */
export const responseTypeField = 4;

/**
 * The text of the given top-level field in a message's bytes, found by skipping the others without decoding them; ''
 * when absent or malformed. With a repeated occurrence the last one applies, as in protobuf; scanning stops at the
 * first, since no peer of ours sends two.
 */
export function textField(bytes: Uint8Array, field: number): string {
  let offset = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; shift < 63 && offset < bytes.length; shift += 7) {
      const byte = bytes[offset++] ?? 0;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    return -1;
  };
  while (offset < bytes.length) {
    const tag = varint();
    if (tag < 8) return '';
    const wire = tag % 8;
    if (wire === 0) {
      if (varint() < 0) return '';
    } else if (wire === 1) offset += 8;
    else if (wire === 5) offset += 4;
    else if (wire === 2) {
      const length = varint();
      if (length < 0 || offset + length > bytes.length) return '';
      if (Math.floor(tag / 8) === field)
        return Buffer.from(bytes.buffer, bytes.byteOffset + offset, length).toString('utf8');
      offset += length;
    } else return '';
  }
  return '';
}
