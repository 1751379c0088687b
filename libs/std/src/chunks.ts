/** Bytes in one piece, or in consecutive pieces, so that a piece that many share has to be in memory only once. */
export type Chunks = Uint8Array | readonly Uint8Array[];

const isOne = (chunks: Chunks): chunks is Uint8Array => chunks instanceof Uint8Array;

/** The pieces, in order. */
export const chunksOf = (chunks: Chunks): readonly Uint8Array[] => (isOne(chunks) ? [chunks] : chunks);

/** How many bytes there are. */
export function lengthOf(chunks: Chunks): number {
  if (isOne(chunks)) return chunks.length;
  let length = 0;
  for (const chunk of chunks) length += chunk.length;
  return length;
}

/** All bytes in one piece; a copy if there were several. */
export const joined = (chunks: Chunks): Uint8Array => (isOne(chunks) ? chunks : Buffer.concat(chunks));
