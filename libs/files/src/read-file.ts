import { closeSync, constants, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { hashBytes, messageOf } from '@flotilla/std';
import { buildProblem, type Problem, type Reading } from '@flotilla/model';
import { maxFileBytes, parseDocuments, tooLarge, type ParsedDocument } from './documents.ts';

/**
 * What was found in a file at a time; neither documents nor problem when it is gone. `readAt` in epoch milliseconds.
 */
export interface FileFound {
  readonly path: string;
  readonly documents?: readonly ParsedDocument[];
  readonly problem?: Problem;
  readonly readAt: number;
}

/** Reads a file of at most `maxFileBytes`. Never throws. */
export function readFile(path: string, reading: Reading = (_file, read) => read()): FileFound {
  const readAt = Date.now();
  let file: number | undefined;
  try {
    // A pipe that nobody writes to must not hold the process up.
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stats = fstatSync(file);
    if (stats.isDirectory()) return { path, readAt };
    if (!stats.isFile()) return { path, readAt, problem: buildProblem('NotAFile', {}) };
    if (stats.size > maxFileBytes) return { path, readAt, problem: tooLarge(stats.size) };
    const bytes = readAll(file, stats.size);
    const parsed = reading(
      { name: path, hash: hashBytes(bytes) },
      () => parseDocuments(bytes),
      (problem) => ({ problem }),
    );
    return { path, readAt, ...parsed };
  } catch (thrown) {
    const gone = ['ENOENT', 'ENOTDIR'].includes((thrown as NodeJS.ErrnoException).code ?? '');
    return gone
      ? { path, readAt }
      : { path, readAt, problem: buildProblem('Unreadable', { reason: messageOf(thrown) }) };
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** The size of a file in bytes; 0 when it is not known: reading it shows why. */
export function sizeOf(path: string): number {
  try {
    return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  } catch {
    return 0;
  }
}

function readAll(file: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let length = 0;
  for (let count = -1; length < size && count !== 0; length += count)
    count = readSync(file, bytes, length, size - length, null);
  return bytes.subarray(0, length);
}
