export * from './documents.ts';
export * from './file-source.ts';
export type { FileFound } from './read-file.ts';
