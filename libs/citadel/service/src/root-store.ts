import { readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { RootMaterial } from '@flotilla/citadel-authority';
import { messageOf } from '@flotilla/std';
import { codeOf, createFile } from '@flotilla/stored-file';

/** Where the root is kept. */
export interface RootStore {
  load(): Promise<RootMaterial | undefined>;
  /** Keeps the root unless there is one already; gives the one that is kept. */
  keep(root: RootMaterial): Promise<RootMaterial>;
}

/** A root's file has some 1 kB. */
const maxBytes = 64 * 1024;

/** One file of mode 0600: the key, then the certificate. Refuses a file that others may read. */
export function createFileRootStore(path: string): RootStore {
  const load = async (): Promise<RootMaterial | undefined> => {
    const found = await stat(path).catch((thrown: unknown) => {
      if (['ENOENT', 'ENOTDIR'].includes(codeOf(thrown) ?? '')) return undefined;
      throw thrown;
    });
    if (!found) return undefined;
    if (!found.isFile()) throw new Error(`${path} is not a file: restore the root there, or remove it for a new one`);
    if ((found.mode & 0o077) !== 0) throw new Error(`others may read the root key in ${path}: chmod 600 ${path}`);
    if (found.size > maxBytes)
      throw new Error(
        `${path} has more than ${maxBytes} bytes, too many for a root: restore it, or remove it for a new root`,
      );
    const text = await readFile(path, 'utf8');
    const [keyPem] = /-----BEGIN PRIVATE KEY-----[^-]+-----END PRIVATE KEY-----\n?/.exec(text) ?? [];
    const [certPem] = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n?/.exec(text) ?? [];
    if (!keyPem || !certPem)
      throw new Error(`${path} does not hold a private key and a certificate: restore it, or remove it for a new root`);
    return { keyPem, certPem };
  };
  return {
    load,
    async keep(root) {
      // Of two that start at once, one root stays.
      try {
        await createFile(path, { text: root.keyPem + root.certPem, mode: 0o600 });
      } catch (thrown) {
        const remedy = `make ${dirname(path)} writable, or put a root there that was made elsewhere`;
        throw Object.assign(
          new Error(`there is no root yet and a new one can't be kept: ${messageOf(thrown)}; ${remedy}`, {
            cause: thrown,
          }),
          { code: codeOf(thrown) },
        );
      }
      return (await load()) ?? root;
    },
  };
}
