export * from './documents.ts';
export * from './file-source.ts';
