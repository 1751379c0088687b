import { opendirSync } from 'node:fs';

export interface FolderEntry {
  readonly name: string;
  readonly kind: 'file' | 'folder' | 'link';
}
export interface Listing {
  /** By name. */
  readonly entries: readonly FolderEntry[];
  /** Names that are not UTF-8, escaped. */
  readonly undecodable: readonly string[];
  /** There are more entries than were requested. */
  readonly isCut: boolean;
}

/** YAML and JSON, but nothing hidden or left by an editor: `.x.yaml.swp`, `x.yaml~`, `#x.yaml#`. */
export const isConfigName = (name: string): boolean => /\.(ya?ml|json)$/.test(name) && !/^[.#]/.test(name);

const utf8 = new TextDecoder('utf-8', { fatal: true });
/** The name; undefined when it is not UTF-8. */
export function decodeName(name: Uint8Array): string | undefined {
  try {
    return utf8.decode(name);
  } catch {
    return undefined;
  }
}
/** A name as a message may show it: bytes outside ASCII as `\xff`. */
export const escapeName = (name: Uint8Array): string =>
  Buffer.from(name)
    .toString('latin1')
    .replace(/[^\x20-\x7e]/g, (byte) => `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`);

/** The entries of a folder, at most `maxEntries` of them. Throws what the operating system says. */
export function listFolder(folder: string, maxEntries: number): Listing {
  const entries: FolderEntry[] = [];
  const undecodable: string[] = [];
  // Each byte a character: names need not be UTF-8.
  const directory = opendirSync(folder, { encoding: 'latin1' });
  try {
    for (let count = 0; ; count += 1) {
      const entry = directory.readSync();
      if (entry === null)
        return { entries: entries.sort((a, b) => (a.name < b.name ? -1 : 1)), undecodable, isCut: false };
      if (count === maxEntries) return { entries, undecodable, isCut: true };
      const bytes = Buffer.from(entry.name, 'latin1');
      const name = decodeName(bytes);
      const kind = entry.isSymbolicLink() ? 'link' : entry.isDirectory() ? 'folder' : 'file';
      if (name !== undefined) entries.push({ name, kind });
      else if (kind === 'folder' || isConfigName(entry.name)) undecodable.push(escapeName(bytes));
    }
  } finally {
    directory.closeSync();
  }
}
