import { parseDocuments as parse, watchFiles, type FileFound, type FileSource } from '@flotilla/files';
import type { Reading } from '@flotilla/model';
import { asMesh, readMesh } from './mesh.ts';

export interface FileSourceOptions {
  /** A file with MeshConfig alone, instead of the ConfigMap `istio`. */
  readonly meshConfig?: string;
  /** The same for MeshNetworks. */
  readonly meshNetworks?: string;
  /** Around the reading of each file. */
  readonly reading?: Reading;
}

/** Configuration in files and folders, watched. Throws when a path isn't there. */
export function createFileSource(paths: readonly string[], options: FileSourceOptions = {}): FileSource {
  const mesh = new Map(
    [
      [options.meshConfig, 'mesh'],
      [options.meshNetworks, 'meshNetworks'],
    ].flatMap(([path, key]) => (path && key ? [[path, key] as const] : [])),
  );
  const files = watchFiles([...paths, ...mesh.keys()], options.reading ? { reading: options.reading } : {});
  return {
    async *run(signal) {
      for await (const found of files.run(signal)) yield found.map((file) => withMesh(file, mesh.get(file.path)));
    },
  };
}

function withMesh(found: FileFound, key: string | undefined): FileFound {
  if (!found.documents) return found;
  return {
    ...found,
    documents: found.documents.map((document) => (key === undefined ? readMesh(document) : asMesh(document, key))),
  };
}

/** The documents of a file as galley reads them. */
export function parseDocuments(bytes: Uint8Array): ReturnType<typeof parse> {
  const parsed = parse(bytes);
  return 'documents' in parsed ? { documents: parsed.documents.map(readMesh) } : parsed;
}
