import { buildProblem, noRoots, rootsSuffix, type Credential, type Problem } from '@flotilla/model';
import type { SecretUpdate } from './credential-hub.ts';
import { readSecret, secretsIn } from './secret.ts';

/** What was found in a file: its documents, why there are none, or neither when it is gone. */
export interface SecretFile {
  readonly path: string;
  readonly documents?: readonly { readonly value?: unknown; readonly problem?: Problem }[];
  readonly problem?: Problem;
}

/**
 * Secrets in files. A file that can't be read any more, or a Secret in it, keeps its last good version until it is
 * gone; of one Secret in two files the first by path applies, as for all configuration.
 */
export class SecretFiles {
  readonly #files = new Map<string, ReadonlyMap<string, Credential>>();
  #inForce: ReadonlyMap<string, Credential> = new Map();

  /** Takes files that changed; gives what differs in force, and what is wrong in them. */
  apply(changed: readonly SecretFile[]): { readonly update: SecretUpdate; readonly problems: readonly Problem[] } {
    const problems: Problem[] = [];
    for (const file of changed) {
      const found = this.#read(file, problems);
      if (found) this.#files.set(file.path, found);
      else this.#files.delete(file.path);
    }
    const before = this.#inForce;
    const byPath = [...this.#files].sort(([a], [b]) => (a < b ? 1 : -1));
    const holder = new Map(byPath.flatMap(([path, secrets]) => [...secrets.keys()].map((key) => [key, path] as const)));
    this.#inForce = new Map(byPath.flatMap(([, secrets]) => [...secrets]));
    for (const { path } of changed) {
      for (const key of this.#files.get(path)?.keys() ?? [])
        if (holder.get(key) !== path) problems.push(duplicate(key, { origin: path, first: holder.get(key) ?? '' }));
    }
    const put = new Map([...this.#inForce].filter(([key, credential]) => !sameCredential(before.get(key), credential)));
    return { update: { put, delete: [...before.keys()].filter((key) => !this.#inForce.has(key)) }, problems };
  }

  /** Files that are held but not among all that there are: as gone. */
  missingFrom(all: readonly SecretFile[]): readonly SecretFile[] {
    const paths = new Set(all.map(({ path }) => path));
    return [...this.#files.keys()].filter((path) => !paths.has(path)).map((path) => ({ path }));
  }

  #read({ path, documents, problem }: SecretFile, problems: Problem[]): ReadonlyMap<string, Credential> | undefined {
    if (!documents && !problem) return undefined;
    const before = this.#files.get(path) ?? new Map<string, Credential>();
    const report = (mistake: Problem, index?: number): void =>
      void problems.push({ ...withoutContent(mistake), origin: index === undefined ? path : `${path}#${index + 1}` });
    if (problem) report(problem);
    const broken = problem ?? documents?.find((document) => document.problem)?.problem;
    const found = new Map<string, Credential>(broken ? before : []);
    const named = new Set<string>();
    for (const [index, { value, problem: unparsed }] of (documents ?? []).entries()) {
      if (unparsed) report(unparsed, index);
      for (const secret of unparsed ? [] : secretsIn(value)) {
        const { key, read } = readSecret(secret);
        if (read && named.has(key)) report(duplicate(key, { origin: path, first: path }), index);
        if (!read || named.has(key)) continue;
        named.add(key);
        if (!read.ok) report(read.error, index);
        const credential = read.ok
          ? read.value
          : (before.get(key) ?? (key.endsWith(rootsSuffix) ? noRoots : undefined));
        if (credential) found.set(key, credential);
      }
    }
    return found;
  }
}

/** A parser may quote what it could not read: of its message only the place is kept. */
const withoutContent = (problem: Problem): Problem =>
  problem.code === 'yaml-syntax'
    ? { ...problem, message: `a document is not YAML${/ at line \d+, column \d+/.exec(problem.message)?.[0] ?? ''}` }
    : problem;
const duplicate = (key: string, { origin, first }: { readonly origin: string; readonly first: string }): Problem => ({
  ...buildProblem('DuplicateSecret', { name: key, origin: first }),
  resource: `secrets ${key}`,
  origin,
});

const parts = ['certificate', 'key', 'staple', 'roots', 'revoked'] as const;
/** Whether two credentials have equal parts. */
export const sameCredential = (a: Credential | undefined, b: Credential): boolean =>
  a !== undefined &&
  parts.every((part) => Buffer.compare(a[part] ?? Buffer.alloc(0), b[part] ?? Buffer.alloc(0)) === 0);
