import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { pack, type Pack } from 'tar-stream';
import { arrange, type Entry } from './entry.ts';

/** A packed layer: the path of its gzipped tar archive, and its values for a manifest and a configuration. */
export interface Layer {
  readonly title: string;
  readonly file: string;
  /** Digest of the gzipped archive, `sha256:...`. */
  readonly digest: string;
  readonly size: number;
  /** Digest of the archive before compression ("diff_id"). */
  readonly diffId: string;
  /** Bytes of all files. */
  readonly unpackedSize: number;
}

/** Part of each layer's cache key: change it when the same entries are packed differently. */
const format = 1;
export const sha256 = (bytes: string | Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/**
 * Packs entries into a layer; the same entries give the same bytes. Layers are kept in `cache` by a hash of their
 * content, so that nothing is packed twice. `report` is called with a line before a layer is packed.
 */
export async function packLayer(
  title: string,
  entries: readonly Entry[],
  { cache, report }: { readonly cache: string; readonly report: (line: string) => void },
): Promise<Layer> {
  const arranged = arrange(entries);
  const key = fingerprint(arranged);
  const [note, file] = [join(cache, `${key}.json`), join(cache, `${key}.tar.gz`)];
  if (existsSync(note) && existsSync(file))
    return { ...(JSON.parse(readFileSync(note, 'utf8')) as Omit<Layer, 'title' | 'file'>), title, file };
  report(`packing ${title}`);
  const archive = await tarOf(arranged);
  // Node's zlib writes neither a name nor a time into the header.
  const zipped = gzipSync(archive, { level: 6 });
  const layer = {
    digest: `sha256:${sha256(zipped)}`,
    size: zipped.length,
    diffId: `sha256:${sha256(archive)}`,
    unpackedSize: arranged.reduce((sum, entry) => sum + (entry.kind === 'file' ? entry.content().length : 0), 0),
  };
  mkdirSync(cache, { recursive: true });
  replace(file, zipped);
  replace(note, JSON.stringify(layer));
  return { ...layer, title, file };
}

function replace(file: string, content: string | Uint8Array): void {
  writeFileSync(`${file}.${process.pid}`, content);
  renameSync(`${file}.${process.pid}`, file);
}

function fingerprint(entries: readonly Entry[]): string {
  const hash = createHash('sha256').update(`${format}\n`);
  for (const entry of entries) {
    const { kind, path, mode } = entry;
    const what = entry.kind === 'file' ? sha256(entry.content()) : entry.kind === 'link' ? entry.target : '';
    hash.update(`${JSON.stringify([kind, path, mode, what])}\n`);
  }
  return hash.digest('hex');
}

/** A tar archive in which everything belongs to root and is as old as the epoch. */
async function tarOf(entries: readonly Entry[]): Promise<Buffer> {
  const archive = pack();
  const chunks: Buffer[] = [];
  const ended = new Promise<void>((resolve, reject) => {
    archive.on('data', (chunk) => chunks.push(chunk as Buffer));
    archive.on('end', resolve);
    archive.on('error', reject);
  });
  for (const entry of entries) await addTo(archive, entry);
  archive.finalize();
  await ended;
  return Buffer.concat(chunks);
}

function addTo(archive: Pack, entry: Entry): Promise<void> {
  const common = { mode: entry.mode, mtime: new Date(0), uid: 0, gid: 0, uname: '', gname: '' };
  return new Promise((resolve, reject) => {
    const done = (error?: Error | null): void => (error ? reject(error) : resolve());
    switch (entry.kind) {
      case 'folder':
        archive.entry({ ...common, name: `${entry.path}/`, type: 'directory' }, done);
        break;
      case 'link':
        archive.entry({ ...common, name: entry.path, type: 'symlink', linkname: entry.target }, done);
        break;
      case 'file':
        archive.entry({ ...common, name: entry.path, type: 'file' }, entry.content(), done);
        break;
    }
  });
}
