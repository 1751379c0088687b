import type { AnyResource, Problem } from '@flotilla/model';
import { Pipeline } from './pipeline.ts';
import type { FileChange } from './read-file.ts';

/** What a set of files puts in force, and what is wrong with them: one step, for tools and tests. */
export function loadResources(files: readonly FileChange[]): {
  readonly resources: readonly AnyResource[];
  readonly problems: readonly Problem[];
} {
  const pipeline = new Pipeline('load');
  pipeline.apply(files);
  return { resources: [...pipeline.resources], problems: pipeline.problems };
}
