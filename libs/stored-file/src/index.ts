export { codeOf, createFile, replaceFile } from './stored-file.ts';
