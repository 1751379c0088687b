export * from './file-source.ts';
export type { FileFound } from '@flotilla/files';
