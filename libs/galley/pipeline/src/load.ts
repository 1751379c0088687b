import { collections, type AnyResource, type Batch, type Problem, type Scope } from '@flotilla/model';
import { FileObjects, type FileChange } from './file-objects.ts';
import { configCluster } from './object-id.ts';
import { Pipeline } from './pipeline.ts';

const source = 'files';
/** All there can be in files. */
export const fileScopes = (cluster = configCluster): readonly Scope[] =>
  collections.map((collection) => ({ cluster, collection }));

/** A pipeline that is given parsed files, for tools and tests: nothing is watched. */
export class FilePipeline {
  readonly #files = new FileObjects();
  readonly #pipeline: Pipeline;

  constructor(session: string, defaults: readonly AnyResource[] = []) {
    this.#pipeline = new Pipeline({ session, defaults, sources: [{ name: source, scopes: fileScopes() }] });
  }

  /** Takes changes of files as one step. */
  apply(files: readonly FileChange[]): Batch {
    return this.#pipeline.apply(
      source,
      files.map((file) => this.#files.read(file)),
    );
  }

  /** What a pilot would report (Pipeline.noteCredentials). */
  noteCredentials(...args: Parameters<Pipeline['noteCredentials']>): void {
    this.#pipeline.noteCredentials(...args);
  }

  complete(): Batch {
    return this.#pipeline.complete();
  }

  get resources(): IterableIterator<AnyResource> {
    return this.#pipeline.resources;
  }

  get problems(): readonly Problem[] {
    return this.#pipeline.problems;
  }
}

/** What a set of files puts in force, and what is wrong with them: one step. */
export function loadResources(files: readonly FileChange[]): {
  readonly resources: readonly AnyResource[];
  readonly problems: readonly Problem[];
} {
  const pipeline = new FilePipeline('load');
  pipeline.apply(files);
  return { resources: [...pipeline.resources], problems: pipeline.problems };
}
