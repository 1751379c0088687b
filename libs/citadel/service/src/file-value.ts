import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { err, messageOf } from '@flotilla/std';
import type { Result } from '@flotilla/std';

const maxBytes = 1024 * 1024;

/**
 * What a file holds, read again when it has changed. While a new version can't be read or parsed the last good one
 * stays in force and `onError` is called once.
 */
export function createFileValue<T>(
  path: string,
  parse: (text: string, modifiedMs: number) => Result<T>,
  onError: (message: string) => void,
): () => T | undefined {
  let seen = '';
  let value: T | undefined;
  const complain = (version: string, message: string): void => {
    if (seen !== version) onError(`${path}: ${message}`);
    seen = version;
  };
  return () => {
    let file: number | undefined;
    try {
      // A pipe without a writer must not block the process.
      file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
      const found = fstatSync(file);
      if (!found.isFile()) throw new Error('it is not a file');
      const { ino, mtimeMs, size } = found;
      const version = `${ino} ${mtimeMs} ${size}`;
      if (version === seen) return value;
      const parsed =
        size > maxBytes ? err(`larger than ${maxBytes} bytes`) : parse(readFileSync(file, 'utf8'), mtimeMs);
      if (parsed.ok) {
        value = parsed.value;
        seen = version;
      } else complain(version, parsed.error);
    } catch (thrown) {
      complain('unreadable', messageOf(thrown));
    } finally {
      if (file !== undefined) closeSync(file);
    }
    return value;
  };
}
