import { printableProblem, type AnyResource, type Problem, type TraceParent } from '@flotilla/model';
import { idOf, readDocument, type ReadResource } from './read-document.ts';

/** One document of a file: parsed YAML, or why it is not valid. */
export interface Document {
  readonly index: number;
  readonly value?: unknown;
  readonly problem?: Problem;
}
/** What a source found in a file; no documents when it is gone, a problem when it could not be read at all. */
export interface FileChange {
  readonly path: string;
  readonly documents?: readonly Document[];
  readonly problem?: Problem;
  readonly trace?: TraceParent;
}

/** Around the reading of one document; may give something else instead. */
export type ReadingDocument = (
  document: { readonly path: string; readonly index: number; readonly value: unknown },
  read: () => readonly ReadResource[],
) => readonly ReadResource[];

export interface Entry {
  readonly resource: AnyResource;
  readonly path: string;
  readonly index: number;
}
export interface FileState {
  readonly entries: ReadonlyMap<string, Entry>;
  readonly problems: readonly Problem[];
}

export const originOf = ({ path, index }: Pick<Entry, 'path' | 'index'>): string => `${path}#${index}`;
/** Of one document so many are shown: they may be as many as its fields. */
const maxProblems = 200;
/** How a message names a resource. */
export const nameOf = (id: string): string => id.replace('|', ' ');
export const duplicate = (id: string, of: Entry): Problem => ({
  code: 'duplicate',
  level: 'error',
  resource: nameOf(id),
  message: `${nameOf(id)} is already in ${originOf(of)}, which is in force; remove one of them`,
});

/**
 * The resources that a file puts in force, and its problems. Of what can't be read any more the last good version
 * stays: the resource, if the document says which it is; what that document held, if not; and all the file held when it
 * is no YAML, since that hides where documents end.
 */
export function readFile(
  { path, documents = [], problem }: FileChange,
  before: FileState | undefined,
  reading: ReadingDocument = (_document, read) => read(),
): FileState {
  const entries = new Map<string, Entry>();
  const problems: Problem[] = problem ? [printableProblem({ ...problem, origin: path })] : [];
  const failed = new Set<string>();
  const failedDocuments = new Set<number>();
  let isBroken = problem !== undefined;
  for (const { index, value, problem: unparsed } of documents) {
    const tell = (found: readonly Problem[], id?: string): void => {
      const place = { origin: originOf({ path, index }), ...(id === undefined ? {} : { resource: nameOf(id) }) };
      for (const one of found.slice(0, maxProblems)) problems.push(printableProblem({ ...one, ...place }));
      const more = found.length - maxProblems;
      if (more > 0)
        problems.push(
          printableProblem({
            code: 'more',
            level: 'warning',
            message: `${more} more problems here are not shown; solve these first`,
            ...place,
          }),
        );
    };
    if (unparsed) {
      isBroken = true;
      tell([unparsed]);
      continue;
    }
    for (const { id, resource, problems: own } of reading({ path, index, value }, () => readDocument(value))) {
      tell(own, id);
      const known = id === undefined ? undefined : entries.get(id);
      if (id !== undefined && known) tell([duplicate(id, known)]);
      else if (resource) entries.set(idOf(resource), { resource, path, index });
      else if (id !== undefined) failed.add(id);
      else failedDocuments.add(index);
    }
  }
  for (const [id, entry] of before?.entries ?? []) {
    if (!entries.has(id) && (isBroken || failed.has(id) || failedDocuments.has(entry.index))) entries.set(id, entry);
  }
  return { entries, problems };
}
