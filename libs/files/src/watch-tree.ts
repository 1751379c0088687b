import { lstatSync, statSync, watch, type FSWatcher } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Problem } from '@flotilla/model';
import { identityOf, isKernelFileSystem, kindOf, leadsUp } from './inspect-path.ts';
import { LeftOut } from './left-out.ts';
import { decodeName, escapeName, isConfigName, listFolder } from './list-folder.ts';

/** `replaced`: another file may stand there, whole; `written`: someone is writing to it. */
export type ChangeKind = 'replaced' | 'written';
export interface TreeLimits {
  /** YAML and JSON files. */
  readonly files: number;
  /** Watched folders: each takes one of the system's watches. */
  readonly folders: number;
  /** Folders within each other, and links to folders. */
  readonly depth: number;
  /** Names of any kind in one folder. */
  readonly entries: number;
}
export const treeLimits: TreeLimits = { files: 20_000, folders: 4000, depth: 32, entries: 100_000 };
export interface TreeOptions {
  readonly onChange: (path: string, kind: ChangeKind) => void;
  /** What is left out below a root, whenever that changes; undefined when it is nothing. */
  readonly onProblem: (root: string, problem: Problem | undefined) => void;
  readonly onError: (error: Error) => void;
  readonly limits?: Partial<TreeLimits>;
}

interface Root {
  readonly path: string;
  leftOut: LeftOut;
  reported?: string | undefined;
  timer?: NodeJS.Timeout | undefined;
}
interface Folder {
  readonly path: string;
  readonly root: Root;
  readonly depth: number;
  /** Device and inode: the same for all paths that lead to it. */
  readonly identity: string;
  readonly watcher: FSWatcher;
  /** Paths of files. */
  readonly files: Set<string>;
  readonly folders: Map<string, Folder>;
}
interface Visit {
  readonly path: string;
  readonly depth: number;
}

/** How long changes may gather before what was left out is looked at again. */
const retryMs = 1000;

/**
 * Files of folders, and of folders in them, watched by the operating system's own notices: what changes costs the same
 * in a folder of any size. A folder is watched before it is listed, so nothing falls between. Each folder is read by
 * one path only, however many links lead to it: by its own before that of a link. Kubernetes replaces a mounted volume
 * by moving its link `..data`: then all of that folder is taken as replaced. What is left out - beyond a limit, a
 * second path of a folder, a name that is not UTF-8 - is one problem for each root.
 */
export class WatchTree {
  readonly #options: TreeOptions;
  readonly #limits: TreeLimits;
  readonly #roots = new Map<string, Root>();
  readonly #folders = new Map<string, Folder>();
  readonly #byIdentity = new Map<string, Folder>();
  readonly #parents: FSWatcher[] = [];
  readonly #single = new Set<string>();
  #fileCount = 0;
  /** While a root is added its files are found, not changed. */
  #isAdding = false;

  constructor(options: TreeOptions) {
    this.#options = options;
    this.#limits = { ...treeLimits, ...options.limits };
  }

  /** The files there are. */
  *files(): Generator<string, void> {
    yield* this.#single;
    for (const { files } of this.#folders.values()) yield* files;
  }

  /** Adds a folder with all in it, or one file of any name. Throws when it isn't there. */
  add(path: string): void {
    const isFolder = statSync(path).isDirectory();
    let identity = identityOf(path);
    const root: Root = { path, leftOut: new LeftOut() };
    // The root itself may be replaced, which its parent's watch reports.
    const watcher = watch(dirname(path), (event, name) => {
      if (name !== basename(path)) return;
      if (!isFolder) this.#options.onChange(path, event === 'change' ? 'written' : 'replaced');
      else if (identity !== (identity = identityOf(path))) this.#guard(() => this.#refresh(root, { path, depth: 0 }));
    });
    this.#parents.push(watcher.on('error', this.#options.onError));
    if (!isFolder) return void this.#single.add(path);
    this.#roots.set(path, root);
    this.#isAdding = true;
    this.#walk(root, { path, depth: 0 });
    this.#isAdding = false;
  }

  close(): void {
    for (const { watcher } of this.#folders.values()) watcher.close();
    for (const watcher of this.#parents) watcher.close();
    for (const { timer } of this.#roots.values()) clearTimeout(timer);
  }

  /** Brings what is known below a folder in line with what is there. */
  #walk(root: Root, first: Visit): void {
    const folders = [first];
    const links: Visit[] = [];
    for (let visit = folders.pop(); visit; visit = folders.pop() ?? links.pop())
      this.#visit(root, visit, (found, isLink) => (isLink ? links : folders).push(found));
    this.#report(root);
  }

  #visit(root: Root, visit: Visit, enqueue: (found: Visit, isLink: boolean) => void): void {
    const { path, depth } = visit;
    const identity = identityOf(path);
    let folder = this.#folders.get(path);
    if (folder && folder.identity !== identity) folder = this.#drop(folder);
    if (identity === undefined) return;
    try {
      if (!folder) {
        const reason = this.#whyNot(visit, identity);
        if (reason !== undefined) return root.leftOut.add(path, reason);
        folder = this.#open(root, visit, identity);
      }
      this.#list(folder, enqueue);
    } catch (thrown) {
      const { code = '' } = thrown as NodeJS.ErrnoException;
      if (folder) this.#drop(folder);
      if (code === 'ENOENT' || code === 'ENOTDIR') return;
      const reason = noWatch[code];
      if (depth === 0 || (code !== 'EACCES' && reason === undefined)) throw thrown;
      const parent = this.#folders.get(dirname(path));
      // Reading it shows why it can't be followed.
      if (reason === undefined && parent) this.#addFile(parent, path);
      else root.leftOut.add(path, reason ?? code);
    }
  }

  #whyNot({ path, depth }: Visit, identity: string): string | undefined {
    const { depth: maxDepth, folders } = this.#limits;
    if (isKernelFileSystem(path)) return 'a file system of the kernel, which holds no configuration';
    const same = this.#byIdentity.get(identity);
    if (same && identityOf(same.path) === identity) return `the same folder as ${same.path}`;
    if (same) this.#drop(same);
    if (depth > maxDepth) return `more than ${maxDepth} folders deep`;
    if (depth > 0 && leadsUp(path)) return 'a link to a folder that it is in';
    return this.#folders.size >= folders ? `more than ${folders} folders` : undefined;
  }

  #open(root: Root, { path, depth }: Visit, identity: string): Folder {
    const watcher = watch(path, { encoding: 'buffer' }, (event, name) =>
      this.#guard(() => this.#onNotice(folder, event, name)),
    );
    watcher.on('error', this.#options.onError);
    const folder: Folder = { path, root, depth, identity, watcher, files: new Set(), folders: new Map() };
    this.#folders.set(path, folder);
    this.#byIdentity.set(identity, folder);
    this.#folders.get(dirname(path))?.folders.set(path, folder);
    return folder;
  }

  #list(folder: Folder, enqueue: (found: Visit, isLink: boolean) => void): void {
    const { entries, undecodable, isCut } = listFolder(folder.path, this.#limits.entries);
    const files = new Set<string>();
    const folders = new Set<string>();
    for (const { name, kind } of entries) {
      const path = join(folder.path, name);
      const target = kind === 'link' ? kindOf(path) : kind;
      if (target === 'file' && isConfigName(name)) files.add(path);
      if (target !== 'folder' || name.startsWith('.')) continue;
      folders.add(path);
      enqueue({ path, depth: folder.depth + 1 }, kind === 'link');
    }
    for (const path of folder.files) if (!files.has(path) && !folders.has(path)) this.#removeFile(folder, path);
    for (const [path, known] of folder.folders) if (!folders.has(path)) this.#drop(known);
    for (const path of files) this.#addFile(folder, path);
    for (const name of undecodable) folder.root.leftOut.add(`${folder.path}/${name}`, notUtf8);
    if (isCut) folder.root.leftOut.add(folder.path, `more than ${this.#limits.entries} entries`);
  }

  #addFile(folder: Folder, path: string): void {
    if (folder.files.has(path)) return;
    if (this.#fileCount >= this.#limits.files)
      return folder.root.leftOut.add(path, `more than ${this.#limits.files} files`);
    folder.files.add(path);
    this.#fileCount += 1;
    this.#tell(path);
  }

  #removeFile(folder: Folder, path: string): void {
    if (!folder.files.delete(path)) return;
    this.#fileCount -= 1;
    this.#tell(path);
    this.#retry(folder.root);
  }

  /** Stops watching a folder and those in it; their files are reported. */
  #drop(folder: Folder): undefined {
    for (const inner of [...folder.folders.values()]) this.#drop(inner);
    folder.watcher.close();
    this.#folders.delete(folder.path);
    if (this.#byIdentity.get(folder.identity) === folder) this.#byIdentity.delete(folder.identity);
    this.#folders.get(dirname(folder.path))?.folders.delete(folder.path);
    for (const path of folder.files) this.#removeFile(folder, path);
    this.#retry(folder.root);
    return undefined;
  }

  #onNotice(folder: Folder, event: string, bytes: Buffer | null): void {
    const name = bytes === null ? '..data' : decodeName(bytes);
    if (name === undefined) return this.#onUndecodable(folder, bytes ?? Buffer.alloc(0));
    if (name === '..data') return this.#refresh(folder.root, folder);
    if (name.startsWith('.')) return;
    const path = join(folder.path, name);
    const isConfig = isConfigName(name);
    if (event === 'change') return isConfig ? this.#options.onChange(path, 'written') : undefined;
    const kind = kindOf(path);
    const known = this.#folders.get(path);
    if (known && kind !== 'folder') this.#drop(known);
    if (kind === 'folder') {
      this.#removeFile(folder, path);
      return this.#refresh(folder.root, { path, depth: folder.depth + 1 });
    }
    if (kind === undefined) return this.#removeFile(folder, path);
    if (!isConfig) return;
    if (folder.files.has(path)) this.#tell(path);
    else this.#addFile(folder, path);
    this.#report(folder.root);
  }

  #onUndecodable(folder: Folder, bytes: Buffer): void {
    const shown = `${folder.path}/${escapeName(bytes)}`;
    const stats = lstatSync(Buffer.concat([Buffer.from(`${folder.path}/`), bytes]), { throwIfNoEntry: false });
    if (!stats) folder.root.leftOut.delete(shown);
    else if (stats.isDirectory() || isConfigName(bytes.toString('latin1'))) folder.root.leftOut.add(shown, notUtf8);
    this.#report(folder.root);
  }

  /** Anything below may be another now. */
  #refresh(root: Root, { path, depth }: Visit): void {
    this.#walk(root, { path, depth });
    const folder = this.#folders.get(path);
    if (folder) this.#tellBelow(folder);
  }

  #tellBelow({ files, folders }: Folder): void {
    for (const path of files) this.#tell(path);
    for (const inner of folders.values()) this.#tellBelow(inner);
  }

  #tell(path: string): void {
    if (!this.#isAdding) this.#options.onChange(path, 'replaced');
  }

  /** There may be room now for what was left out, or a folder may be reached by its other path. */
  #retry(root: Root): void {
    if (root.leftOut.size === 0 || root.timer) return;
    root.timer = setTimeout(
      () =>
        this.#guard(() => {
          root.timer = undefined;
          root.leftOut = new LeftOut();
          this.#walk(root, { path: root.path, depth: 0 });
        }),
      retryMs,
    ).unref();
  }

  #report(root: Root): void {
    const { problem } = root.leftOut;
    if (problem?.message === root.reported) return;
    root.reported = problem?.message;
    this.#options.onProblem(root.path, problem);
  }

  #guard(act: () => void): void {
    try {
      act();
    } catch (thrown) {
      this.#options.onError(thrown as Error);
    }
  }
}

const notUtf8 = 'its name is not UTF-8; rename it';
const noMoreWatches = 'the system allows no more watched folders: raise fs.inotify.max_user_watches';
const noWatch: Readonly<Record<string, string>> = {
  ENOSPC: noMoreWatches,
  EMFILE: noMoreWatches,
  ELOOP: 'too many links',
  ENAMETOOLONG: 'its path is too long',
};
