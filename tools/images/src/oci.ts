import { createReadStream, createWriteStream, mkdirSync, renameSync } from 'node:fs';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { pack, type Pack } from 'tar-stream';
import { sha256, type Layer } from './layer.ts';

/** How containers of an image start. */
export interface Start {
  readonly entrypoint: readonly string[];
  /** `uid:gid`. */
  readonly user: string;
}
export interface Blob {
  readonly digest: string;
  readonly size: number;
}
/** An image with a name, ready to be written. */
export interface Image {
  /** `localhost/flotilla/pilot:dev`. */
  readonly reference: string;
  readonly layers: readonly Layer[];
  readonly config: Buffer;
  readonly manifest: Buffer;
  readonly digest: string;
}

const type = 'application/vnd.oci.image';
/** Go's name for the architecture of this machine. */
const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const json = (value: object): Buffer => Buffer.from(JSON.stringify(value));
const descriptor = (bytes: Buffer): Blob => ({ digest: `sha256:${sha256(bytes)}`, size: bytes.length });

/** Configuration and manifest of an image (Open Container Initiative, "Image Format Specification"). */
export function buildImage(reference: string, layers: readonly Layer[], { entrypoint, user }: Start): Image {
  const config = json({
    created: '1970-01-01T00:00:00Z',
    architecture,
    os: 'linux',
    config: { User: user, Env: [`PATH=${path}`], Entrypoint: entrypoint, WorkingDir: '/' },
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    history: layers.map(({ title }) => ({ created: '1970-01-01T00:00:00Z', created_by: title })),
  });
  const manifest = json({
    schemaVersion: 2,
    mediaType: `${type}.manifest.v1+json`,
    config: { mediaType: `${type}.config.v1+json`, ...descriptor(config) },
    layers: layers.map(({ digest, size }) => ({ mediaType: `${type}.layer.v1.tar+gzip`, digest, size })),
  });
  return { reference, layers, config, manifest, digest: descriptor(manifest).digest };
}

/**
 * Writes images into one archive (OCI, "Image Layout Specification"), each blob once. `ctr images import` takes the
 * names from containerd's annotation, other tools from that of the specification.
 */
export async function writeArchive(file: string, images: readonly Image[]): Promise<void> {
  mkdirSync(dirname(file), { recursive: true });
  const unfinished = `${file}.${process.pid}`;
  const archive = pack();
  const written = pipeline(archive, createWriteStream(unfinished));
  const index = {
    schemaVersion: 2,
    mediaType: `${type}.index.v1+json`,
    manifests: images.map(({ reference, manifest }) => ({
      mediaType: `${type}.manifest.v1+json`,
      ...descriptor(manifest),
      platform: { architecture, os: 'linux' },
      annotations: {
        'io.containerd.image.name': reference,
        'org.opencontainers.image.ref.name': reference.slice(reference.lastIndexOf(':') + 1),
      },
    })),
  };
  await addBytes(archive, 'oci-layout', json({ imageLayoutVersion: '1.0.0' }));
  await addBytes(archive, 'index.json', json(index));
  const blobs = new Set<string>();
  const isNew = (digest: string): boolean => !blobs.has(digest) && blobs.add(digest) !== undefined;
  for (const { config, manifest, layers } of images) {
    for (const bytes of [manifest, config])
      if (isNew(descriptor(bytes).digest)) await addBytes(archive, blobPath(descriptor(bytes).digest), bytes);
    for (const layer of layers) if (isNew(layer.digest)) await addFile(archive, layer);
  }
  archive.finalize();
  await written;
  renameSync(unfinished, file);
}

const blobPath = (digest: string): string => `blobs/${digest.replace(':', '/')}`;
const header = (name: string) => ({ name, mode: 0o644, mtime: new Date(0), uid: 0, gid: 0 });

const addBytes = (archive: Pack, name: string, bytes: Buffer): Promise<void> =>
  new Promise((resolve, reject) => {
    archive.entry(header(name), bytes, (error) => (error ? reject(error) : resolve()));
  });

async function addFile(archive: Pack, { file, digest, size }: Layer): Promise<void> {
  await pipeline(createReadStream(file), archive.entry({ ...header(blobPath(digest)), size }));
}
