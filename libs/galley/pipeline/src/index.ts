export { Pipeline, type PipelineOptions } from './pipeline.ts';
export { FilePipeline, fileScopes, loadResources } from './load.ts';
export type { Outcome } from './outcome.ts';
export type { ReadingObject, ReadObject } from './read-object.ts';
export type { SourceInfo } from './raw-objects.ts';
export { FileObjects, type Document, type FileChange } from './file-objects.ts';
export { meshKeys, readMeshData } from './mesh-config-map.ts';
export { splitDocument } from './split-document.ts';
export { configCluster, keyOfName, nameOfId, textOfId } from './object-id.ts';
