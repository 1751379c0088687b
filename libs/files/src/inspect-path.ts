import { lstatSync, realpathSync, statfsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * proc, sysfs, cgroup, cgroup2, debugfs and tracefs, by their numbers in statfs(2): a link to one leads to folders
 * without end.
 */
const kernelFileSystems: ReadonlySet<number> = new Set([
  0x9fa0, 0x62656572, 0x27e0eb, 0x63677270, 0x64626720, 0x74726163,
]);

/** Whether a path is on a file system of the kernel, which holds no configuration. */
export const isKernelFileSystem = (path: string): boolean => kernelFileSystems.has(statfsSync(path).type);

/** What can't be looked at, as a link in a circle, is treated as a file: reading it shows why. */
export function kindOf(path: string): 'file' | 'folder' | undefined {
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    return stats === undefined ? undefined : stats.isDirectory() ? 'folder' : 'file';
  } catch {
    return 'file';
  }
}

/** Whether it is a link to a folder that it is in. */
export function leadsUp(folder: string): boolean {
  if (!lstatSync(folder).isSymbolicLink()) return false;
  const [target, place] = [realpathSync(folder), realpathSync(dirname(folder))];
  return `${place}/`.startsWith(target.endsWith('/') ? target : `${target}/`);
}

/** Device and inode of a folder, the same for all paths that lead to it; undefined for what is not a folder. */
export function identityOf(path: string): string | undefined {
  try {
    const stats = statSync(path, { throwIfNoEntry: false, bigint: true });
    return stats?.isDirectory() ? `${stats.dev}:${stats.ino}` : undefined;
  } catch {
    return undefined;
  }
}
