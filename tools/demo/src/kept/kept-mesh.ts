import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Unmet } from '../unmet.ts';
import { controlSocket, type KeptPod } from './control-server.ts';

/** The prefix of the folders of runs in the folder for temporary files. */
export const folderPrefix = 'flotilla-demo-';
/** A file there with the id, outside of the namespaces, of the process that holds the node's namespaces. */
export const nodeFile = 'node.pid';

export interface KeptMesh {
  readonly pods: readonly KeptPod[];
  /** Command line that runs the command appended to it in the node of the mesh. */
  readonly enter: readonly string[];
}

/** The latest mesh that a `demo --keep` of this user keeps running. Throws Unmet when there is none. */
export async function findKeptMesh(): Promise<KeptMesh> {
  const folders = ownFolders(tmpdir(), process.getuid?.());
  for (const folder of folders) {
    const pods = await podsIn(folder);
    if (pods) return { pods, enter: enterNode(folder) };
  }
  throw new Unmet('no mesh is running; start one in another terminal: npm run demo -- --keep');
}

/**
 * The folders of runs, the latest first, in a folder to which everybody may write. Only those of the user, because the
 * commands run command lines that they get from the socket there.
 */
export const ownFolders = (parent: string, user: number | undefined): readonly string[] =>
  readdirSync(parent)
    .filter((name) => name.startsWith(folderPrefix))
    .map((name) => join(parent, name))
    .flatMap((path) => {
      const found = lstatSync(path, { throwIfNoEntry: false });
      return found?.isDirectory() && found.uid === user ? [{ path, changed: found.ctimeMs }] : [];
    })
    .sort((first, second) => second.changed - first.changed)
    .map(({ path }) => path);

/** The pods of a mesh; undefined when none answers there. */
const podsIn = (folder: string): Promise<readonly KeptPod[] | undefined> =>
  new Promise((resolve) => {
    get({ socketPath: join(folder, controlSocket), path: '/pods' }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        resolve(JSON.parse(Buffer.concat(chunks).toString()) as readonly KeptPod[]);
      });
    }).on('error', () => resolve(undefined));
  });

/**
 * Enters the namespaces by the holder's child: the holder itself is outside of the process namespace that it created.
 */
function enterNode(folder: string): readonly string[] {
  const holder = readFileSync(join(folder, nodeFile), 'utf8').trim();
  const [inner = ''] = readFileSync(`/proc/${holder}/task/${holder}/children`, 'utf8').trim().split(' ');
  const user = process.getuid?.() === 0 ? [] : ['--user', '--preserve-credentials'];
  return ['nsenter', `--target=${inner}`, ...user, '--net', '--mount', '--pid'];
}
