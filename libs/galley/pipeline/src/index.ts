export * from './pipeline.ts';
export * from './load.ts';
export { originOf, type Document, type FileChange, type ReadingDocument } from './read-file.ts';
export { idOfRaw, type ReadResource } from './read-document.ts';
