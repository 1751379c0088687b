import type { Credential, CredentialUpdate, Problem } from '@flotilla/model';
import { readSecret } from './secret.ts';

/** What was found in a file: its documents, why there are none, or neither when it is gone. */
export interface SecretFile { readonly path: string; readonly documents?: readonly { readonly value?: unknown; readonly problem?: Problem }[]; readonly problem?: Problem }

/**
 * Secrets in files. A file that can't be read any more, or a Secret in it, keeps its last good version until it is gone; of one Secret in two files the first by
 * path counts, as for all configuration.
 */
export class SecretFiles {
  readonly #files = new Map<string, ReadonlyMap<string, Credential>>();
  #inForce: ReadonlyMap<string, Credential> = new Map();

  /** Takes files that changed; gives what differs in force, and what is wrong in them. */
  apply(changed: readonly SecretFile[]): { readonly update: CredentialUpdate; readonly problems: readonly Problem[] } {
    const problems: Problem[] = [];
    for (const file of changed) {
      const found = this.#read(file, problems);
      if (found) this.#files.set(file.path, found);
      else this.#files.delete(file.path);
    }
    const before = this.#inForce;
    const byPath = [...this.#files].sort(([a], [b]) => (a < b ? 1 : -1));
    this.#inForce = new Map(byPath.flatMap(([, secrets]) => [...secrets]));
    const put = new Map([...this.#inForce].filter(([key, credential]) => !same(before.get(key), credential)));
    return { update: { put, delete: [...before.keys()].filter((key) => !this.#inForce.has(key)) }, problems };
  }

  #read({ path, documents, problem }: SecretFile, problems: Problem[]): ReadonlyMap<string, Credential> | undefined {
    if (!documents && !problem) return undefined;
    const before = this.#files.get(path) ?? new Map<string, Credential>();
    const tell = (what: Problem, index?: number): void => void problems.push({ ...what, origin: index === undefined ? path : `${path}#${index + 1}` });
    if (problem) tell(problem);
    const broken = problem ?? documents?.find((document) => document.problem)?.problem;
    const found = new Map<string, Credential>(broken ? before : []);
    for (const [index, { value, problem: unparsed }] of (documents ?? []).entries()) {
      if (unparsed) tell(unparsed, index);
      const read = unparsed ? undefined : readSecret(value);
      if (!read) continue;
      if (read.ok) found.set(read.value.key, read.value.credential);
      else {
        tell(read.error, index);
        const key = read.error.resource?.replace('secrets ', '') ?? '';
        const last = before.get(key);
        if (last) found.set(key, last);
      }
    }
    return found;
  }
}

const parts = ['certificate', 'key', 'roots', 'revoked'] as const;
const same = (a: Credential | undefined, b: Credential): boolean =>
  a !== undefined && parts.every((part) => Buffer.compare(a[part] ?? Buffer.alloc(0), b[part] ?? Buffer.alloc(0)) === 0);
