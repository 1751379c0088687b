import { readFileSync, statSync } from 'node:fs';
import { AsyncQueue, messageOf } from '@flotilla/std';
import type { Problem } from '@flotilla/model';
import { watch } from 'chokidar';
import { parseDocuments, type ParsedDocument } from './documents.ts';

/** What was found in a file at a time; neither documents nor problem when it is gone. `readAt` in epoch milliseconds. */
export interface FileFound { readonly path: string; readonly documents?: readonly ParsedDocument[]; readonly problem?: Problem; readonly readAt: number }
/** First every file there is, as one batch; then changes, those of one burst together. */
export interface FileSource { run(signal: AbortSignal): AsyncIterable<readonly FileFound[]> }

const isConfig = (path: string): boolean => /\.(ya?ml|json)$/.test(path) && !/(^|\/)[.#][^/]*$/.test(path) && !path.endsWith('~');

function read(path: string): FileFound {
  const readAt = Date.now();
  try {
    return { path, readAt, ...parseDocuments(readFileSync(path)) };
  } catch (thrown) {
    const gone = (thrown as NodeJS.ErrnoException).code === 'ENOENT';
    return gone ? { path, readAt } : { path, readAt, problem: { code: 'unreadable', level: 'error', message: messageOf(thrown) } };
  }
}

/** Files and folders of YAML, watched; a file is replaced best by renaming another over it. Throws when a path isn't there. */
export function createFileSource(paths: readonly string[]): FileSource {
  for (const path of paths) statSync(path);
  return {
    async *run(signal) {
      const queue = new AsyncQueue<readonly FileFound[]>();
      const changed = new Set<string>();
      let initial = true;
      const flush = (): void => {
        const found = [...changed].map(read);
        changed.clear();
        if (found.length > 0 || initial) queue.push(found);
        initial = false;
      };
      const watcher = watch([...paths], { ignored: (path, stats) => stats?.isFile() === true && !isConfig(path), ignoreInitial: false, atomic: false });
      const onChange = (path: string): void => {
        if (!isConfig(path)) return;
        changed.add(path);
        if (!initial && changed.size === 1) setImmediate(flush);
      };
      watcher.on('add', onChange).on('change', onChange).on('unlink', onChange).on('ready', flush);
      watcher.on('error', (error) => queue.fail(error));
      const stop = (): void => queue.close();
      signal.addEventListener('abort', stop, { once: true });
      if (signal.aborted) stop();
      try {
        yield* queue;
      } finally {
        signal.removeEventListener('abort', stop);
        await watcher.close();
      }
    },
  };
}
