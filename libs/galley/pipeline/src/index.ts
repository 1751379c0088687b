export * from './pipeline.ts';
export * from './load.ts';
export type { Document, FileChange } from './read-file.ts';
