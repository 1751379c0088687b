import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { extract } from 'tar-stream';
import { describe, expect, it } from 'vitest';
import { textFile } from './entry.ts';
import { packLayer, sha256 } from './layer.ts';
import { buildImage, writeArchive, type Blob, type Image } from './oci.ts';

interface Index {
  readonly manifests: readonly (Blob & {
    readonly mediaType: string;
    readonly annotations: Readonly<Record<string, string>>;
  })[];
}
interface Manifest {
  readonly config: Blob;
  readonly layers: readonly (Blob & { readonly mediaType: string })[];
}
interface Config {
  readonly config: { readonly User: string; readonly Entrypoint: readonly string[] };
  readonly rootfs: { readonly diff_ids: readonly string[] };
}

const dir = mkdtempSync(join(tmpdir(), 'oci-'));

/** The names in an archive in their order, repeated ones too, and the bytes behind each. */
async function read(file: string): Promise<{ readonly names: readonly string[]; bytes(name: string): Buffer }> {
  const reading = extract();
  reading.end(readFileSync(file));
  const found: [string, Buffer][] = [];
  for await (const member of reading) {
    const chunks: Buffer[] = [];
    for await (const chunk of member) chunks.push(chunk as Buffer);
    found.push([member.header.name, Buffer.concat(chunks)]);
  }
  const byName = new Map(found);
  return {
    names: found.map(([name]) => name),
    bytes: (name) => byName.get(name) ?? expect.fail(`${name} is not in the archive`),
  };
}

async function twoImages(): Promise<readonly Image[]> {
  const options = { cache: join(dir, 'cache'), report: () => {} };
  const base = await packLayer('base', [textFile('base', 'base')], options);
  const own = await packLayer('own', [textFile('own', 'own')], options);
  return [
    buildImage('localhost/test/one:dev', [base], { entrypoint: ['one'], user: '65532:65532' }),
    buildImage('localhost:5000/test/two:v2', [base, own], { entrypoint: ['two', 'now'], user: '1337:1337' }),
  ];
}

describe('an archive of images', () => {
  it('leads from names to layers by digests and sizes that are right', async () => {
    const file = join(dir, 'whole.tar');
    await writeArchive(file, await twoImages());
    const archive = await read(file);
    const json = <T>(name: string): T => JSON.parse(archive.bytes(name).toString()) as T;
    const blob = ({ digest, size }: Blob): string => {
      const name = `blobs/${digest.replace(':', '/')}`;
      expect([`sha256:${sha256(archive.bytes(name))}`, archive.bytes(name).length]).toEqual([digest, size]);
      return name;
    };
    expect(json('oci-layout')).toEqual({ imageLayoutVersion: '1.0.0' });
    const images = json<Index>('index.json').manifests.map(({ annotations, mediaType, ...manifest }) => {
      expect(mediaType).toBe('application/vnd.oci.image.manifest.v1+json');
      const { config, layers } = json<Manifest>(blob(manifest));
      const { config: start, rootfs } = json<Config>(blob(config));
      expect(layers.map((layer) => `sha256:${sha256(gunzipSync(archive.bytes(blob(layer))))}`)).toEqual(
        rootfs.diff_ids,
      );
      return [annotations, start.User, start.Entrypoint, layers.length];
    });
    const name = 'io.containerd.image.name';
    const tag = 'org.opencontainers.image.ref.name';
    expect(images).toEqual([
      [{ [name]: 'localhost/test/one:dev', [tag]: 'dev' }, '65532:65532', ['one'], 1],
      [{ [name]: 'localhost:5000/test/two:v2', [tag]: 'v2' }, '1337:1337', ['two', 'now'], 2],
    ]);
  });

  it('has each blob once, and nothing else', async () => {
    const file = join(dir, 'shared.tar');
    await writeArchive(file, await twoImages());
    const { names } = await read(file);
    expect(new Set(names).size).toBe(names.length);
    // Two manifests, two configurations, two layers.
    expect(names.filter((name) => name.startsWith('blobs/sha256/'))).toHaveLength(6);
    expect(names).toHaveLength(8);
  });

  it('has the same bytes each time', async () => {
    const [first, second] = [join(dir, 'first.tar'), join(dir, 'second.tar')];
    await writeArchive(first, await twoImages());
    await writeArchive(second, await twoImages());
    expect(sha256(readFileSync(second))).toBe(sha256(readFileSync(first)));
  });
});
