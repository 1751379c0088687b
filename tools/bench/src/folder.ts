import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MeshFile } from './bench-mesh.ts';

/** Replaces a file of a folder in one step, as an editor or a sync tool does. */
export function writeMeshFile(folder: string, { name, object }: MeshFile): void {
  const beside = join(folder, `.${name}.new`);
  // JSON is YAML
  writeFileSync(beside, JSON.stringify(object));
  renameSync(beside, join(folder, name));
}

export function writeMesh(folder: string, files: readonly MeshFile[]): void {
  mkdirSync(folder, { recursive: true });
  for (const file of files) writeMeshFile(folder, file);
}
