import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { extract } from 'tar-stream';
import { textFile, type Entry } from './entry.ts';
import { sha256 } from './layer.ts';

export interface DebianOptions {
  /** Where packages are kept. */
  readonly cache: string;
  /** Take the newest versions even if there are others in the cache. */
  readonly pull: boolean;
  readonly report: (line: string) => void;
}

/**
 * The files of some Debian packages, without documentation and anything else that our programs do not need. Apt chooses
 * the versions and verifies them against the signed index of this machine's distribution; they stay the same until
 * `pull`. The packages' scripts are not run. /var/lib/dpkg/status.d lists the packages for vulnerability scanners.
 */
export async function debianEntries(names: readonly string[], options: DebianOptions): Promise<readonly Entry[]> {
  const folder = join(options.cache, `debian-${sha256(names.join(' ')).slice(0, 16)}`);
  if (options.pull || !existsSync(folder)) {
    options.report(`fetching ${names.length} Debian packages`);
    download(names, folder);
  }
  const entries: Entry[] = [];
  for (const file of readdirSync(folder).sort()) {
    const archive = join(folder, file);
    const description = output(['dpkg-deb', '--field', archive]).toString('utf8');
    const name = /^Package: (.*)$/m.exec(description)?.[1] ?? file;
    entries.push(textFile(`var/lib/dpkg/status.d/${name}`, description), ...(await readPackage(archive)));
  }
  return entries;
}

/** Downloads packages into a folder, in place of its previous content; leaves the folder unchanged on failure. */
function download(names: readonly string[], folder: string): void {
  mkdirSync(join(folder, '..'), { recursive: true });
  const fresh = mkdtempSync(`${folder}-`);
  try {
    const fetch = ['apt-get', 'download', '--quiet', ...names];
    // A separate package index: the system's may be missing, and only root may update it.
    const lists = join(fresh, 'lists');
    const privately = ['-o', `Dir::State::Lists=${lists}`, '-o', `Dir::Cache=${lists}`];
    if (spawnSync(fetch[0] ?? '', fetch.slice(1), { cwd: fresh, stdio: 'ignore' }).status !== 0) {
      mkdirSync(join(lists, 'partial'), { recursive: true });
      output(['apt-get', 'update', '--quiet', ...privately]);
      output([...fetch, ...privately], fresh);
      rmSync(lists, { recursive: true });
    }
    rmSync(folder, { recursive: true, force: true });
    renameSync(fresh, folder);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

function output([program = '', ...args]: readonly string[], cwd?: string): Buffer {
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd, maxBuffer: 256 << 20 });
  if (error) throw new Error(`${program} is missing: images are built on Debian or a distribution derived from it`);
  if (status !== 0) throw new Error(`${program} ${args[0] ?? ''} failed: ${stderr.toString('utf8').trim()}`);
  return stdout;
}

const unused = [
  /^usr\/share\/(?!common-licenses\/|doc\/[^/]+\/copyright$|ca-certificates\/)/,
  // Conversions between character sets, auditing of the loader, init systems.
  /^usr\/lib\/[^/]+\/(gconv|audit)\//,
  /^usr\/lib\/(systemd|tmpfiles\.d|sysusers\.d)\//,
  /^usr\/(bin|games|src)\//,
  /^usr\/sbin\/(update-|.*-apply$|nfnl_osf|arptables|ebtables)/,
  /^etc\/(ca-certificates|default|dpkg|issue|motd|profile\.d|skel|update-motd\.d)/,
  /^(boot|home|media|mnt|opt|root|srv)\//,
];

/** Moves paths below /usr, as in current distributions, where /bin and others are links. */
const merged = (path: string): string => path.replace(/^(bin|sbin|lib|lib64)\//, 'usr/$1/');

async function readPackage(archive: string): Promise<readonly Entry[]> {
  const entries: Entry[] = [];
  const reading = extract();
  reading.end(output(['dpkg-deb', '--fsys-tarfile', archive]));
  for await (const member of reading) {
    const { name, mode = 0o644, type, linkname } = member.header;
    const path = merged(name.replace(/^\.?\//, ''));
    const chunks: Buffer[] = [];
    for await (const chunk of member) chunks.push(chunk as Buffer);
    if (unused.some((pattern) => pattern.test(path))) continue;
    if (type === 'symlink') entries.push({ kind: 'link', path, mode: 0o777, target: linkname ?? '' });
    else if (type === 'file') entries.push({ kind: 'file', path, mode, content: () => Buffer.concat(chunks) });
    else if (type !== 'directory') throw new Error(`${archive}: ${name} is of type ${type}, which is not supported`);
  }
  return entries;
}
