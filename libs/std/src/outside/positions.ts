/**
 * The place of each value of a document, without the document: a hash for each path, and an offset. 12 bytes a value.
 * Plain data, so that it can be passed between threads.
 */
export interface Positions {
  /** A hash of the path of each value, in the order of the text. */
  readonly paths: Float64Array;
  /** Of each value in the document's text: of the key of a member, else of its first character. */
  readonly offsets: Uint32Array;
  /** The offset of each line's first character. */
  readonly lines: Uint32Array;
  /** The line of the file, from 1, in which the document's text begins. */
  readonly line: number;
}
/** A place in a file; line and column from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** The hash of the empty path. */
export const rootPath = 0;

/**
 * The hash of a path with one more key or index, 53 bits. Case and `_` make no difference, since Protocol Buffers'
 * JSON takes both `connectTimeout` and `connect_timeout`.
 */
export function stepInto(path: number, segment: string | number): number {
  const text = String(segment);
  let high = (Math.floor(path / 2 ** 21) ^ 0x811c9dc5) >>> 0;
  let low = ((path % 2 ** 21) ^ 0x9747b28c) >>> 0;
  for (let i = 0; i < text.length; i += 1) {
    let code = text.charCodeAt(i);
    if (code === underscore) continue;
    if (code >= 0x41 && code <= 0x5a) code += 0x20;
    high = Math.imul(high ^ code, 0x01000193);
    low = Math.imul(low ^ code, 0x5bd1e995);
    low ^= low >>> 15;
  }
  high = Math.imul(high ^ (high >>> 13), 0x85ebca6b);
  return ((high ^ (high >>> 16)) >>> 0) * 2 ** 21 + (low >>> 11);
}
const underscore = 0x5f;

/** Gathers the positions of one document while its values are read. */
export class PositionRecorder {
  readonly #paths: number[] = [];
  readonly #offsets: number[] = [];

  record(path: number, offset: number): void {
    this.#paths.push(path);
    this.#offsets.push(offset);
  }

  /** `lineStarts` are the offsets of the lines of the document's text, which begins in `line` of its file. */
  finish(lineStarts: readonly number[], line: number): Positions {
    return {
      paths: Float64Array.from(this.#paths),
      offsets: Uint32Array.from(this.#offsets),
      lines: Uint32Array.from(lineStarts),
      line,
    };
  }
}

/**
 * The place of a value of the document: `path` as problems have it (`spec.http[0].route`, `metadata.labels["a.b"]`).
 * Of a value that the text doesn't have, the position of the nearest value around it that it has.
 */
export function positionOf(positions: Positions, path: string): Position {
  const { offsets, lines, line } = positions;
  const hashes = [rootPath];
  for (const segment of segmentsOf(path)) hashes.push(stepInto(hashes.at(-1) ?? rootPath, segment));
  const placeOf = placesIn(positions);
  let place = -1;
  for (let depth = hashes.length - 1; depth >= 0 && place < 0; depth -= 1) place = placeOf(hashes[depth] ?? 0);
  const offset = offsets[Math.max(0, place)] ?? 0;
  let [low, high] = [0, lines.length];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((lines[middle] ?? 0) <= offset) low = middle;
    else high = middle;
  }
  return { line: line + low, column: offset - (lines[low] ?? 0) + 1 };
}

/** A document is searched from its start this often; one in which more places are looked up gets an index. */
const maxSearches = 8;
interface Searched {
  count: number;
  index?: ReadonlyMap<number, number>;
}
const searched = new WeakMap<Positions, Searched>();

/** Finds the first value of a path's hash, -1 without one. All lookups together cost no more than the document. */
function placesIn(positions: Positions): (hash: number) => number {
  const { paths } = positions;
  const search = searched.get(positions) ?? { count: 0 };
  searched.set(positions, search);
  search.count += 1;
  if (search.count <= maxSearches) return (hash) => paths.indexOf(hash);
  const index = (search.index ??= firstPlaces(paths));
  return (hash) => index.get(hash) ?? -1;
}

function firstPlaces(paths: Float64Array): ReadonlyMap<number, number> {
  const places = new Map<number, number>();
  for (let place = paths.length - 1; place >= 0; place -= 1) places.set(paths[place] ?? 0, place);
  return places;
}

/** The keys and indexes of a path. Text that is not written as one ends it. */
export function segmentsOf(path: string): readonly string[] {
  const segments: string[] = [];
  for (let offset = 0; offset < path.length;) {
    if (path[offset] === '[') {
      const isQuoted = path[offset + 1] === '"';
      const end = isQuoted ? endOfQuoted(path, offset + 1) : path.indexOf(']', offset);
      if (end < 0) return segments;
      segments.push(isQuoted ? unquoted(path.slice(offset + 1, end)) : path.slice(offset + 1, end));
      offset = end + 1;
    } else {
      if (path[offset] === '.') offset += 1;
      const end = endOfName(path, offset);
      if (end === offset) return segments;
      segments.push(path.slice(offset, end));
      offset = end;
    }
  }
  return segments;
}

function endOfName(path: string, start: number): number {
  let end = start;
  while (end < path.length && path[end] !== '.' && path[end] !== '[') end += 1;
  return end;
}

/** The place of the `]` after a text in quotes. */
function endOfQuoted(path: string, start: number): number {
  for (let offset = start + 1; offset < path.length; offset += 1) {
    if (path[offset] === '\\') offset += 1;
    else if (path[offset] === '"') return path[offset + 1] === ']' ? offset + 1 : -1;
  }
  return -1;
}

/** A text in quotes as it is meant; escapes other than of `"` and `\` stay as they are. */
const unquoted = (text: string): string => text.slice(1, -1).replace(/\\(["\\])/g, '$1');
