import { parseDocuments as parse, watchFiles, type FileFound } from '@flotilla/files';
import { FileObjects, fileScopes, type FileChange } from '@flotilla/galley-pipeline';
import type { Source } from '@flotilla/galley-sources';
import { defaultInstallation, type Installation, type Reading, type SourceChange } from '@flotilla/model';
import { asMesh, readMesh } from './mesh-objects.ts';

export interface FileSourceOptions {
  /** A file with MeshConfig alone, instead of the ConfigMap `istio`. */
  readonly meshConfig?: string;
  /** The same for MeshNetworks. */
  readonly meshNetworks?: string;
  /** Around the reading of each file. */
  readonly reading?: Reading;
  /** Its cluster is that of the objects in the files, its system namespace that of the ConfigMap `istio`. */
  readonly installation?: Installation;
}

/** Objects in files and folders of YAML and JSON, watched. Throws when a path isn't there. */
export function createFileSource(paths: readonly string[], options: FileSourceOptions = {}): Source {
  const { meshConfig, meshNetworks, reading, installation = defaultInstallation } = options;
  const mesh = new Map(
    [
      [meshConfig, 'mesh'],
      [meshNetworks, 'meshNetworks'],
    ].flatMap(([path, key]) => (path && key ? [[path, key] as const] : [])),
  );
  const files = watchFiles([...paths, ...mesh.keys()], reading ? { reading } : {});
  const objects = new FileObjects(installation);
  const scopes = fileScopes(installation.clusterId);
  const synced: SourceChange['events'] = scopes.map((scope) => ({ type: 'synced', ...scope }));
  return {
    name: 'files',
    scopes,
    async *run(signal) {
      let isFirst = true;
      for await (const found of files.run(signal)) {
        const changes = found.map((file) => objects.read(withMesh(file, mesh.get(file.path), installation)));
        if (isFirst) {
          const there = new Set(found.map(({ path }) => path));
          for (const path of objects.paths) if (!there.has(path)) objects.forget(path);
          changes.push({ cause: 'the first reading of all files', readAt: Date.now(), events: synced });
        }
        isFirst = false;
        yield changes;
      }
    },
  };
}

function withMesh(found: FileFound, key: string | undefined, { systemNamespace }: Installation): FileChange {
  if (!found.documents) return found;
  return {
    ...found,
    documents: found.documents.map((document) =>
      key === undefined ? readMesh(document) : asMesh(document, key, systemNamespace),
    ),
  };
}

/** The documents of a file as galley reads them. */
export function parseDocuments(bytes: Uint8Array): ReturnType<typeof parse> {
  const parsed = parse(bytes);
  return 'documents' in parsed ? { documents: parsed.documents.map(readMesh) } : parsed;
}
