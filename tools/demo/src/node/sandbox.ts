import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, lstatSync, mkdirSync, realpathSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** A file or folder of the node, seen in a pod at `path`. */
export interface Mount {
  readonly source: string;
  readonly path: string;
}
export interface SandboxOptions {
  readonly name: string;
  /** Of the network. */
  readonly namespace: string;
  /** A folder of the node for this pod alone. */
  readonly folder: string;
  /** What can be run in the pod beside the system's programs: this project and its tools, at their own paths. */
  readonly programs: readonly string[];
  /** Files of the pod's own /etc, by name. */
  readonly etc: Readonly<Record<string, string>>;
  readonly mounts: readonly Mount[];
}
export interface Sandbox {
  /** Command line that runs what follows it in the pod, from its root folder. */
  readonly enter: readonly string[];
  close(): void;
}

/** What a pod has of the node's system: programs and libraries, nothing of its configuration. */
const systemFolders = ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32'];
const alternatives = [
  'iptables',
  'iptables-restore',
  'iptables-save',
  'ip6tables',
  'ip6tables-restore',
  'ip6tables-save',
];

/**
 * A pod's mount namespace with a root of its own, held by a process that only sleeps. Rejects with what could not be
 * mounted.
 */
export async function createSandbox(options: SandboxOptions): Promise<Sandbox> {
  const [root, etc] = [join(options.folder, 'root'), join(options.folder, 'etc')];
  mkdirSync(root, { recursive: true });
  writeEtc(etc, options.etc);
  const script = buildScript(options, { root, etc });
  const pause = spawn(
    'nsenter',
    [`--net=/run/netns/${options.namespace}`, 'unshare', '--mount', '--propagation', 'private', 'sh', '-c', script],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let said = '';
  pause.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const isReady = await Promise.race([
    once(pause.stdout, 'data').then(() => true),
    once(pause, 'exit').then(() => false),
  ]);
  if (!isReady || pause.pid === undefined)
    throw new Error(`pod ${options.name}: ${said.trim() || 'its file system could not be made'}`);
  return {
    enter: ['nsenter', `--target=${pause.pid}`, '--mount', '--net', '--root', '--wd'],
    close: () => void pause.kill('SIGKILL'),
  };
}

/** Makes the new root, turns to it and leaves the old one. */
function buildScript({ programs, mounts }: SandboxOptions, { root, etc }: { root: string; etc: string }): string {
  const [links, folders] = [true, false].map((isLink) =>
    systemFolders.filter((path) => existsSync(path) && lstatSync(path).isSymbolicLink() === isLink),
  ) as [string[], string[]];
  const itself = (path: string): Mount => ({ source: path, path });
  const inOrder = [...mounts].sort((a, b) => a.path.length - b.path.length);
  // Programs come last: a volume at /tmp must not hide a checkout below it.
  const all = [...folders.map(itself), ...['/proc', '/sys', '/dev'].map(itself), ...inOrder, ...programs.map(itself)];
  return [
    'set -e',
    `mount -t tmpfs -o mode=755 pod ${quote(root)}`,
    `cd ${quote(root)}`,
    `cp -a ${quote(etc)} etc`,
    'mkdir -p run var/lib var/log tmp home root .node',
    'chmod 1777 tmp run',
    'ln -s /run var/run',
    ...links.map((path) => `cp -a ${path} .${path}`),
    ...all.flatMap(bind),
    'pivot_root . .node',
    'umount -l /.node',
    'rmdir /.node',
    'echo ready',
    'exec sleep infinity',
  ].join('\n');
}

function bind({ source, path }: Mount): string[] {
  const target = quote(`.${path.replace(/^\/var\/run\//, '/run/')}`);
  const place = statSync(source).isDirectory()
    ? `mkdir -p ${target}`
    : `mkdir -p ${quote(`.${dirname(path)}`)} && touch ${target}`;
  return [place, `mount --rbind ${quote(source)} ${target}`];
}

/** Debian's iptables are links by way of /etc/alternatives, which a pod doesn't have of the node. */
function writeEtc(folder: string, files: Readonly<Record<string, string>>): void {
  mkdirSync(join(folder, 'alternatives'), { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  for (const name of alternatives.filter((each) => existsSync(`/etc/alternatives/${each}`)))
    symlinkSync(realpathSync(`/etc/alternatives/${name}`), join(folder, 'alternatives', name));
}

const quote = (path: string): string => `'${path.replaceAll("'", "'\\''")}'`;
