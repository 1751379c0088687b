export { createFileSource, parseDocuments } from './file-source.ts';
