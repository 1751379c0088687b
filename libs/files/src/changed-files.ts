import type { Reading } from '@flotilla/model';
import { inTurns } from '@flotilla/std';
import { BackgroundReader, type BackgroundOptions } from './background-reader.ts';
import { maxFileBytes } from './documents.ts';
import { readFile, sizeOf, type FileFound } from './read-file.ts';

/**
 * Larger files are read in the background: of this size one takes some 50 ms. Those that are too large are refused
 * unread.
 */
const largestInForeground = 64 << 10;

export interface ReadOptions {
  readonly background?: BackgroundOptions;
  /** Around the reading of each file that is not read in the background. */
  readonly reading?: Reading;
}

/**
 * Files that changed, read on demand: until then, only the names of changed files are kept. A large file is read in the
 * background and found later, unless it changed again; it holds nothing else up.
 */
export class ChangedFiles {
  readonly #notice: () => void;
  readonly #background: BackgroundReader;
  #changed = new Set<string>();
  #found = new Map<string, FileFound>();
  /** The latest reading in the background for each path. */
  readonly #reading = new Map<string, Promise<void>>();

  readonly #around: Reading | undefined;

  /** `notice` is called when there is more to take. */
  constructor(notice: () => void, { background = {}, reading }: ReadOptions = {}) {
    this.#notice = notice;
    this.#around = reading;
    this.#background = new BackgroundReader(background);
  }

  /** A file to read. */
  add(path: string): void {
    this.#changed.add(path);
  }

  /** What is known without reading. */
  found(file: FileFound): void {
    this.#found.set(file.path, file);
  }

  /** Everything that is found by now. */
  async take(signal: AbortSignal): Promise<readonly FileFound[]> {
    const paths = [...this.#changed].sort();
    this.#changed = new Set();
    await inTurns(this.#readEach(paths, signal));
    const found = [...this.#found.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
    this.#found = new Map();
    return found;
  }

  *#readEach(paths: readonly string[], signal: AbortSignal): Generator<void, void> {
    for (const path of paths) {
      if (signal.aborted) return;
      this.#read(path);
      yield;
    }
  }

  /** The same with all large files. */
  async takeAll(signal: AbortSignal): Promise<readonly FileFound[]> {
    const small = await this.take(signal);
    const stopped = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    while (this.#reading.size > 0 && !signal.aborted)
      await Promise.race([Promise.all(this.#reading.values()), stopped]);
    return [...small, ...(await this.take(signal))].sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  close(): void {
    this.#background.close();
  }

  #read(path: string): void {
    const size = sizeOf(path);
    if (size <= largestInForeground || size > maxFileBytes) {
      this.#reading.delete(path);
      return this.found(readFile(path, this.#around));
    }
    const reading = this.#background.read(path, size).then((file) => {
      if (this.#reading.get(path) !== reading) return;
      this.#reading.delete(path);
      this.found(file);
      this.#notice();
    });
    this.#reading.set(path, reading);
  }
}
