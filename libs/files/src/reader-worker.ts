// Reads one file after the other, away from the process's event loop.
import { parentPort } from 'node:worker_threads';
import { readFile } from './read-file.ts';

parentPort?.on('message', (path: string) => parentPort?.postMessage(readFile(path)));
