import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Unmet } from '../unmet.ts';
import { controlSocket, type KeptPod } from './control-server.ts';

/** What the folders of runs begin with, among temporary files. */
export const folderPrefix = 'flotilla-demo-';
/** A file there with the process that holds the node's namespaces, as the outside sees it. */
export const nodeFile = 'node.pid';

export interface KeptMesh {
  readonly pods: readonly KeptPod[];
  /** Command line that runs what follows it in the node of the mesh. */
  readonly enter: readonly string[];
}

/** The mesh that a `demo --keep` of this user keeps, the latest of several. Throws Unmet when there is none. */
export async function findKeptMesh(): Promise<KeptMesh> {
  const folders = ownFolders(tmpdir(), process.getuid?.());
  for (const folder of folders) {
    const pods = await podsIn(folder);
    if (pods) return { pods, enter: enterNode(folder) };
  }
  throw new Unmet('no mesh is running; start one in another terminal: npm run demo -- --keep');
}

/**
 * The folders of runs in a folder that everybody may write to, the latest first: only those of the user. What answers
 * in one is trusted with command lines to run.
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

/** The process that made the namespaces is outside of its own process namespace: its child is the first within. */
function enterNode(folder: string): readonly string[] {
  const holder = readFileSync(join(folder, nodeFile), 'utf8').trim();
  const [inner = ''] = readFileSync(`/proc/${holder}/task/${holder}/children`, 'utf8').trim().split(' ');
  const user = process.getuid?.() === 0 ? [] : ['--user', '--preserve-credentials'];
  return ['nsenter', `--target=${inner}`, ...user, '--net', '--mount', '--pid'];
}
