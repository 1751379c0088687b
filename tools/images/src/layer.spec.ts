import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { extract, type Header } from 'tar-stream';
import { describe, expect, it } from 'vitest';
import { folder, link, textFile, type Entry } from './entry.ts';
import { packLayer, sha256, type Layer } from './layer.ts';

const cache = mkdtempSync(join(tmpdir(), 'layers-'));

/** What is in a layer, in its order. */
async function read({ file }: Layer): Promise<readonly (Header & { readonly text: string })[]> {
  const reading = extract();
  reading.end(gunzipSync(readFileSync(file)));
  const found: (Header & { text: string })[] = [];
  for await (const member of reading) {
    const chunks: Buffer[] = [];
    for await (const chunk of member) chunks.push(chunk as Buffer);
    found.push({ ...member.header, text: Buffer.concat(chunks).toString() });
  }
  return found;
}
const pack = (entries: readonly Entry[], folderOfCache = cache): Promise<Layer> =>
  packLayer('test', entries, { cache: folderOfCache, report: () => {} });

const entries: readonly Entry[] = [
  textFile('usr/bin/tool', 'tool', 0o755),
  link('bin', 'usr/bin'),
  folder('tmp', 0o1777),
  textFile('etc/passwd', 'root'),
];

describe('a layer', () => {
  it('has its entries sorted, below their folders, owned by root and as old as the epoch', async () => {
    const found = await read(await pack(entries));
    expect(
      found.map(({ name, type, mode = 0, linkname, text }) => [name, type, mode.toString(8), linkname ?? text]),
    ).toEqual([
      ['bin', 'symlink', '777', 'usr/bin'],
      ['etc/', 'directory', '755', ''],
      ['etc/passwd', 'file', '644', 'root'],
      ['tmp/', 'directory', '1777', ''],
      ['usr/', 'directory', '755', ''],
      ['usr/bin/', 'directory', '755', ''],
      ['usr/bin/tool', 'file', '755', 'tool'],
    ]);
    for (const { uid, gid, uname, gname, mtime } of found)
      expect([uid, gid, uname, gname, mtime?.getTime()]).toEqual([0, 0, '', '', 0]);
  });

  it('says the digests and sizes of what it is', async () => {
    const { file, digest, size, diffId, unpackedSize } = await pack(entries);
    const zipped = readFileSync(file);
    expect({ digest, size, diffId, unpackedSize }).toEqual({
      digest: `sha256:${sha256(zipped)}`,
      size: zipped.length,
      diffId: `sha256:${sha256(gunzipSync(zipped))}`,
      unpackedSize: 8,
    });
  });

  it('is the same on another machine, whatever the order of its entries', async () => {
    const other = mkdtempSync(join(tmpdir(), 'layers-'));
    const [first, second] = [await pack(entries), await pack(entries.toReversed(), other)];
    expect(second.digest).toBe(first.digest);
    expect(readFileSync(second.file)).toEqual(readFileSync(first.file));
  });

  it('is packed once, and again when anything in it is different', async () => {
    const reports: string[] = [];
    const packing = (changed: readonly Entry[]): Promise<Layer> =>
      packLayer('test', changed, { cache, report: (line) => reports.push(line) });
    await packing([textFile('a', '1')]);
    await packing([textFile('a', '1')]);
    expect(reports).toEqual(['packing test']);
    const digests = await Promise.all(
      [[textFile('a', '2')], [textFile('a', '1', 0o755)], [textFile('b', '1')], [link('a', '1')], [link('a', '2')]].map(
        packing,
      ),
    );
    expect(new Set(digests.map(({ digest }) => digest)).size).toBe(5);
  });

  it('refuses two things with one path', async () => {
    await expect(pack([textFile('a', '1'), link('a', 'b')])).rejects.toThrow('a is listed twice');
    await expect(pack([textFile('a', '1'), textFile('a/b', '2')])).rejects.toThrow('a is listed twice');
  });

  it('gives back all files, with paths of any length', async () => {
    const name = fc.stringMatching(/^[a-z0-9._+-]{1,40}$/).filter((text) => text !== '.' && text !== '..');
    const path = fc.array(name, { minLength: 1, maxLength: 8 }).map((names) => names.join('/'));
    // Files are in folders whose names no file has.
    const files = fc.dictionary(
      path.map((text) => text.replaceAll('/', '.d/')),
      fc.string({ maxLength: 2000 }),
    );
    await fc.assert(
      fc.asyncProperty(files, async (given) => {
        const layer = await pack(Object.entries(given).map(([file, text]) => textFile(file, text)));
        const found = (await read(layer)).flatMap(({ type, name: file, text }) =>
          type === 'file' ? [[file, text]] : [],
        );
        expect(Object.fromEntries(found as [string, string][])).toEqual({ ...given });
      }),
      { numRuns: 30 },
    );
  });
});
