export { type ParsedDocument, parseDocuments } from './documents.ts';
export { watchFiles } from './file-source.ts';
export { treeLimits, type TreeLimits } from './watch-tree.ts';
export type { FileFound } from './read-file.ts';
