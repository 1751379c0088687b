/** Bytes with memory of their own: encoders hand out slices of pools, and what is kept must not keep those. */
export const compact = (bytes: Uint8Array): Uint8Array =>
  bytes.length === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes);
