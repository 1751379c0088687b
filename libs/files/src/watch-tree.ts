import { lstatSync, readdirSync, realpathSync, statSync, watch, type FSWatcher } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** `replaced`: another file may stand there, whole; `written`: someone is writing to it. */
export type ChangeKind = 'replaced' | 'written';
export interface TreeOptions {
  readonly onChange: (path: string, kind: ChangeKind) => void;
  readonly onError: (error: Error) => void;
}

/** Deeper folders are left out. */
const maxDepth = 32;

/** YAML and JSON, but nothing hidden or left by an editor: `.x.yaml.swp`, `x.yaml~`, `#x.yaml#`. */
export const isConfigName = (name: string): boolean => /\.(ya?ml|json)$/.test(name) && !/^[.#]/.test(name);

/**
 * Files of folders, and of folders in them, watched by the operating system's own notices: what changes costs the same in a folder of any size.
 * A folder is watched before it is listed, so nothing falls between. Kubernetes replaces a mounted volume by moving its link `..data`: then all of that
 * folder is told as replaced.
 */
export class WatchTree {
  readonly #options: TreeOptions;
  readonly #folders = new Map<string, FSWatcher>();
  readonly #parents: FSWatcher[] = [];
  readonly #files = new Set<string>();

  constructor(options: TreeOptions) {
    this.#options = options;
  }

  /** The files there are. */
  get files(): ReadonlySet<string> {
    return this.#files;
  }

  /** Adds a folder with all in it, or one file of any name. Throws when it isn't there. */
  add(root: string): void {
    const isFolder = statSync(root).isDirectory();
    let identity = inodeOf(root);
    // The root itself may be replaced: its parent tells.
    const watcher = watch(dirname(root), (event, name) => {
      if (name !== basename(root)) return;
      if (isFolder && identity !== (identity = inodeOf(root))) this.#refreshRoot(root);
      else if (!isFolder) this.#options.onChange(root, event === 'change' ? 'written' : 'replaced');
    });
    this.#parents.push(watcher.on('error', this.#options.onError));
    if (isFolder) this.#addFolder(root, 0);
    else this.#files.add(root);
  }

  close(): void {
    for (const watcher of [...this.#parents, ...this.#folders.values()]) watcher.close();
    this.#folders.clear();
  }

  #refreshRoot(root: string): void {
    this.#dropFolder(root);
    if (kindOf(root) === 'folder') this.#addFolder(root, 0);
    this.#tellBelow(root);
  }

  #addFolder(folder: string, depth: number): void {
    if (depth > maxDepth || this.#folders.has(folder)) return;
    try {
      if (depth > 0 && leadsUp(folder)) return;
      this.#folders.set(folder, watch(folder, (event, name) => this.#onNotice(folder, { event, name, depth })).on('error', this.#options.onError));
      this.#list(folder, depth);
    } catch (thrown) {
      const { code = '' } = thrown as NodeJS.ErrnoException;
      if (!['ENOENT', 'EACCES'].includes(code) || (code === 'EACCES' && depth === 0)) throw thrown;
      this.#dropFolder(folder);
      // Reading it tells why it can't be followed.
      if (code === 'EACCES') this.#files.add(folder);
    }
  }

  #list(folder: string, depth: number): void {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      const kind = entry.isSymbolicLink() ? kindOf(path) : entry.isDirectory() ? 'folder' : 'file';
      if (kind === 'file' && isConfigName(entry.name)) this.#files.add(path);
      else if (kind === 'folder' && !entry.name.startsWith('.')) this.#addFolder(path, depth + 1);
    }
  }

  #onNotice(folder: string, { event, name, depth }: { event: string; name: string | null; depth: number }): void {
    try {
      if (name === null || name === '..data') this.#tellAll(folder, depth);
      else if (!name.startsWith('.')) this.#onEntry(join(folder, name), { event, depth });
    } catch (thrown) {
      this.#options.onError(thrown as Error);
    }
  }

  #onEntry(path: string, { event, depth }: { event: string; depth: number }): void {
    const isConfig = isConfigName(basename(path));
    if (event === 'change') {
      if (isConfig) this.#options.onChange(path, 'written');
      return;
    }
    const kind = kindOf(path);
    if (kind === 'folder' || this.#folders.has(path)) {
      this.#dropFolder(path);
      if (kind === 'folder') this.#addFolder(path, depth + 1);
      this.#tellBelow(path);
    } else if (isConfig) {
      this.#files.add(path);
      this.#options.onChange(path, 'replaced');
    }
  }

  #tellAll(folder: string, depth: number): void {
    this.#list(folder, depth);
    this.#tellBelow(folder);
  }

  #tellBelow(folder: string): void {
    for (const path of this.#files) if (path.startsWith(`${folder}/`)) this.#options.onChange(path, 'replaced');
  }

  /** Stops watching; its files stay known until they are told and found gone. */
  #dropFolder(folder: string): void {
    for (const [path, watcher] of this.#folders) {
      if (path !== folder && !path.startsWith(`${folder}/`)) continue;
      watcher.close();
      this.#folders.delete(path);
    }
  }

  /** A file that was told is gone. */
  forget(path: string): void {
    this.#files.delete(path);
  }
}

/** What can't be looked at, as a link in a circle, passes for a file: reading it tells why. */
function kindOf(path: string): 'file' | 'folder' | undefined {
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    return stats === undefined ? undefined : stats.isDirectory() ? 'folder' : 'file';
  } catch {
    return 'file';
  }
}

/** Whether it is a link to a folder that it is in: all would be found again below it, and again. */
function leadsUp(folder: string): boolean {
  if (!lstatSync(folder).isSymbolicLink()) return false;
  const [target, place] = [realpathSync(folder), realpathSync(dirname(folder))];
  return `${place}/`.startsWith(target.endsWith('/') ? target : `${target}/`);
}

const inodeOf = (path: string): number | undefined => statSync(path, { throwIfNoEntry: false })?.ino;
