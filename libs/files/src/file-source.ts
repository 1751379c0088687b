import { statSync } from 'node:fs';
import { AsyncQueue, withoutTrailing } from '@flotilla/std';
import { ChangedFiles, type ReadOptions } from './changed-files.ts';
import type { FileFound } from './read-file.ts';
import { WatchTree, type ChangeKind, type TreeLimits } from './watch-tree.ts';

export interface WatchOptions extends ReadOptions {
  readonly limits?: Partial<TreeLimits>;
}
/** First every file there is, as one batch; then changes, those of one burst together. */
export interface FileSource {
  run(signal: AbortSignal): AsyncIterable<readonly FileFound[]>;
}

/**
 * How long nothing must happen before changes are read: a file moved into place is whole, one that is written to may
 * not be.
 */
const quietMs: Readonly<Record<ChangeKind, number>> = { replaced: 1, written: 10 };
/** A file that just became empty is likely about to be written. */
const emptyMs = 100;
/** Under changes without end they are read at least this often. */
const maxWaitMs = 200;

/**
 * Files and folders of YAML and JSON, watched; a file is replaced best by renaming another over it. What is left out of
 * a folder is a problem of that folder. Throws when a path isn't there.
 */
export function watchFiles(given: readonly string[], options: WatchOptions = {}): FileSource {
  const paths = given.map((path) => (path.length > 1 ? withoutTrailing(path, '/') : path));
  for (const path of paths) statSync(path);
  return {
    async *run(signal) {
      const wake = new AsyncQueue<null>();
      const notice = (): void => {
        if (wake.size === 0) wake.push(null);
      };
      const files = new ChangedFiles(notice, options);
      const burst = new Burst((changed) => {
        for (const path of changed) files.add(path);
        notice();
      });
      const tree = new WatchTree({
        limits: options.limits ?? {},
        onChange: (path, kind) => burst.add(path, kind),
        onError: (error) => wake.fail(error),
        onProblem: (path, problem) => {
          files.found({ path, readAt: Date.now(), ...(problem ? { problem } : {}) });
          notice();
        },
      });
      const stop = (): void => wake.close();
      signal.addEventListener('abort', stop, { once: true });
      if (signal.aborted) stop();
      try {
        for (const path of paths) tree.add(path);
        for (const path of tree.files()) files.add(path);
        yield await files.takeAll(signal);
        for await (const _ of wake) {
          const found = await files.take(signal);
          if (found.length > 0) yield found;
        }
      } finally {
        signal.removeEventListener('abort', stop);
        burst.close();
        tree.close();
        files.close();
      }
    },
  };
}

function isEmpty(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.size === 0;
  } catch {
    return false;
  }
}

/** Gathers what changes until it is quiet. */
class Burst {
  readonly #flush: (paths: readonly string[]) => void;
  readonly #changed = new Set<string>();
  /** Files found empty once, given time. */
  readonly #held = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #since = 0;
  #dueAt = 0;

  constructor(flush: (paths: readonly string[]) => void) {
    this.#flush = flush;
  }

  add(path: string, kind: ChangeKind): void {
    const now = performance.now();
    if (this.#changed.size === 0) [this.#since, this.#dueAt] = [now, 0];
    this.#changed.add(path);
    this.#dueAt = Math.min(Math.max(this.#dueAt, now + quietMs[kind]), this.#since + maxWaitMs);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#run(), Math.max(0, this.#dueAt - now));
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#changed.clear();
  }

  #run(): void {
    const empty = [...this.#changed].filter((path) => !this.#held.has(path) && isEmpty(path));
    const ready = [...this.#changed].filter((path) => !empty.includes(path)).sort();
    this.#changed.clear();
    for (const path of ready) this.#held.delete(path);
    if (ready.length > 0) this.#flush(ready);
    if (empty.length === 0) return;
    for (const path of empty) {
      this.#held.add(path);
      this.#changed.add(path);
    }
    this.#since = performance.now();
    this.#dueAt = this.#since + emptyMs;
    this.#timer = setTimeout(() => this.#run(), emptyMs);
  }
}
