import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync, copyFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { builtProgram } from './build.ts';
import type { Machine } from './machine.ts';
import { run } from './programs.ts';

/** The image of the container that holds a pod's namespaces, as containerd requests it. */
export const pauseImage = 'registry.k8s.io/pause:3.10';

/** Imports an OCI archive; pods find its images by name unless their pull policy is Always. */
export function importImage(machine: Machine, archive: string): void {
  const socket = join(machine.folder, 'containerd.sock');
  machine.run(['ctr', '--address', socket, '--namespace', 'k8s.io', 'images', 'import', archive]);
}

/** Writes an OCI archive of the pause container (Open Container Initiative, "Image Layout Specification"). */
export function writePauseImage(archive: string): void {
  const folder = mkdtempSync(join(tmpdir(), 'pause-'));
  try {
    const blobs = join(folder, 'image', 'blobs', 'sha256');
    mkdirSync(blobs, { recursive: true });
    const put = (bytes: Buffer): { readonly digest: string; readonly size: number } => {
      const hash = createHash('sha256').update(bytes).digest('hex');
      writeFileSync(join(blobs, hash), bytes);
      return { digest: `sha256:${hash}`, size: bytes.length };
    };
    const putJson = (value: object) => put(Buffer.from(JSON.stringify(value)));
    copyFileSync(builtProgram('pause'), join(folder, 'pause'));
    run(['tar', '--owner=0', '--group=0', '--mtime=@0', '-cf', 'layer.tar', 'pause'], { cwd: folder });
    const layer = put(readFileSync(join(folder, 'layer.tar')));
    const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
    const config = putJson({
      architecture,
      os: 'linux',
      config: { Entrypoint: ['/pause'], User: '65535:65535' },
      rootfs: { type: 'layers', diff_ids: [layer.digest] },
    });
    const type = 'application/vnd.oci.image';
    const manifest = putJson({
      schemaVersion: 2,
      mediaType: `${type}.manifest.v1+json`,
      config: { mediaType: `${type}.config.v1+json`, ...config },
      layers: [{ mediaType: `${type}.layer.v1.tar`, ...layer }],
    });
    const annotations = { 'io.containerd.image.name': pauseImage, 'org.opencontainers.image.ref.name': '3.10' };
    const index = {
      schemaVersion: 2,
      manifests: [{ mediaType: `${type}.manifest.v1+json`, ...manifest, annotations }],
    };
    writeFileSync(join(folder, 'image', 'index.json'), JSON.stringify(index));
    writeFileSync(join(folder, 'image', 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
    run(['tar', '-cf', archive, '-C', join(folder, 'image'), '.']);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
