import { randomUUID } from 'node:crypto';
import { link, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { messageOf } from '@flotilla/std';

export interface FileContent {
  readonly text: string;
  /** Such as 0o600. */ readonly mode: number;
}

/** The code of a file system's error (`ENOENT`, `EROFS` ...); undefined for any other. */
export const codeOf = (thrown: unknown): string | undefined => (thrown as NodeJS.ErrnoException | undefined)?.code;

/** Drafts that a killed process left are removed after this time. */
const staleMs = 600_000;

/**
 * Puts a text into a file as a whole: readers see either the old content or the new, even after a crash. Missing
 * folders are created with mode 0700. A file that has the text already is not touched, so its folder need not be
 * writable. Rejects with an error that names the file and has the `code`; nothing is left behind.
 */
export async function replaceFile(path: string, content: FileContent): Promise<'written' | 'same'> {
  if (await hasText(path, content.text)) return 'same';
  await withDraft(path, content, (draft) => rename(draft, path));
  return 'written';
}

/**
 * The same for a file that must not be there: of several that make it at once one wins, and the others keep what it
 * made.
 */
export async function createFile(path: string, content: FileContent): Promise<'made' | 'kept'> {
  if (
    await stat(path).then(
      () => true,
      () => false,
    )
  )
    return 'kept';
  return withDraft(path, content, async (draft) => {
    try {
      await link(draft, path);
      return 'made';
    } catch (thrown) {
      if (codeOf(thrown) === 'EEXIST') return 'kept';
      throw thrown;
    }
  });
}

/** Only files are read: a pipe would never end. */
const hasText = (path: string, text: string): Promise<boolean> =>
  stat(path)
    .then(
      async (found) =>
        found.isFile() && found.size <= Buffer.byteLength(text) && (await readFile(path, 'utf8')) === text,
    )
    .catch(() => false);

async function withDraft<T>(path: string, { text, mode }: FileContent, use: (draft: string) => Promise<T>): Promise<T> {
  const folder = dirname(path);
  const prefix = `.${basename(path)}.`;
  const draft = join(folder, `${prefix}${randomUUID()}.new`);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await removeStale(folder, prefix);
    const file = await open(draft, 'wx', mode);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    return await use(draft);
  } catch (thrown) {
    throw Object.assign(new Error(`${path} can't be written: ${messageOf(thrown)}`, { cause: thrown }), {
      code: codeOf(thrown),
    });
  } finally {
    await rm(draft, { force: true }).catch(() => {});
  }
}

async function removeStale(folder: string, prefix: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.startsWith(prefix) || !name.endsWith('.new')) continue;
    const path = join(folder, name);
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Infinity }));
    if (Date.now() - mtimeMs > staleMs) await rm(path, { force: true });
  }
}
