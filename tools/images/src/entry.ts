import { readFileSync } from 'node:fs';
import { posix } from 'node:path';

interface Named {
  /** Relative to the root of the image, without a leading slash. */
  readonly path: string;
  readonly mode: number;
}
/** A file, folder or link in an image's file system; everything belongs to root. */
export type Entry =
  | (Named & { readonly kind: 'file'; readonly content: () => Buffer })
  | (Named & { readonly kind: 'link'; readonly target: string })
  | (Named & { readonly kind: 'folder' });

export const folder = (path: string, mode = 0o755): Entry => ({ kind: 'folder', path, mode });
export const link = (path: string, target: string): Entry => ({ kind: 'link', path, mode: 0o777, target });
export const textFile = (path: string, text: string, mode = 0o644): Entry => ({
  kind: 'file',
  path,
  mode,
  content: () => Buffer.from(text),
});
/** A file of this machine, read when a layer is packed. */
export const copyOf = (source: string, path: string, mode = 0o644): Entry => ({
  kind: 'file',
  path,
  mode,
  content: () => readFileSync(source),
});

/**
 * The entries of a layer: sorted by path, with missing folders added, so that each is preceded by its folder. Throws
 * for two different entries with the same path; a folder may be given several times, and keeps its first mode.
 */
export function arrange(entries: readonly Entry[]): readonly Entry[] {
  const byPath = new Map<string, Entry>();
  const add = (entry: Entry): void => {
    const known = byPath.get(entry.path);
    if (known === undefined) byPath.set(entry.path, entry);
    else if (known.kind !== 'folder' || entry.kind !== 'folder') throw new Error(`${entry.path} is listed twice`);
  };
  for (const entry of entries) add(entry);
  for (const { path } of entries)
    for (let parent = posix.dirname(path); parent !== '.'; parent = posix.dirname(parent)) add(folder(parent));
  return [...byPath.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}
