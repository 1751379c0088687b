import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { stringify } from 'yaml';
import type { FileFound } from '@flotilla/files';
import { deriveBroken, deriveFile, type DerivedFile, type Place } from './derive-file.ts';
import { findManifests } from './manifests.ts';
import { namespaceOf, type KubeObject } from './objects.ts';
import { replaceFile } from './replace-file.ts';

/**
 * The cluster's state as a folder of YAML, which galley reads: `given` is derived from the files of users, `system`
 * from those of the demo, `kubernetes` is what runs. The files that it is derived from are only read.
 */
export interface StateFolder {
  readonly path: string;
  /** The files and folders that it is derived from. */
  readonly sources: readonly string[];
  /** Secrets that were given: citadel reads them in a folder of their own. */
  readonly secrets: readonly KubeObject[];
  /** What the sources hold, without Secrets. Of an object in two files the first by path applies, as for galley. */
  readonly objects: readonly KubeObject[];
  /**
   * Derives a file of a source again, after it has changed. What it held before stays in force while some of it can't
   * be read.
   */
  derive(found: FileFound): void;
  /**
   * Where a user's file has what galley found in the file of this path below the state folder, at a line and a path in
   * an object; undefined where both have it at the same place.
   */
  placeOf(file: string, line: number, path: string): Place | undefined;
  /** Writes an object of `kubernetes`; replaces the file in one step, and not at all when nothing differs. */
  put(file: string, object: object): void;
  remove(file: string): void;
}

export interface StateParts {
  readonly given: readonly string[];
  readonly system: readonly string[];
  readonly secretsFolder: string;
}

/** Makes the folders; the sources are derived by `derive`. Throws what findManifests does. */
export function createStateFolder(path: string, parts: StateParts): StateFolder {
  for (const folder of ['given', 'system', 'kubernetes']) mkdirSync(join(path, folder), { recursive: true });
  const sources = [
    ...parts.given.map((source, i) => ({ source: resolve(source), to: numbered('given', i) })),
    ...parts.system.map((source, i) => ({ source, to: numbered('system', i) })),
  ];
  for (const { source } of sources) findManifests(source);
  const written = new Map<string, string>();
  const files = new Map<string, Held>();
  const addressOf = createAddresses();

  /** Where the version of a file that galley reads is, below the state folder. */
  const targetOf = (file: string): string => {
    const found = sources.find(({ source }) => file === source || file.startsWith(`${source}/`));
    if (!found) throw new Error(`${file} is not below any of ${sources.map(({ source }) => source).join(', ')}`);
    return join(found.to, file === found.source ? basename(file) : relative(found.source, file));
  };
  function writeSecrets(name: string, secrets: readonly KubeObject[]): void {
    const file = join(parts.secretsFolder, name);
    if (secrets.length === 0) rmSync(file, { force: true });
    else writeFileSync(file, secrets.map((secret) => stringify(secret)).join('---\n'), { mode: 0o600 });
  }
  return {
    path,
    sources: sources.map(({ source }) => source),
    get secrets() {
      return [...files.values()].flatMap(({ secrets }) => secrets);
    },
    get objects() {
      return firstOfEach([...files].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, { objects }]) => objects));
    },
    derive({ path: source, problem }) {
      const file = targetOf(source);
      const name = file.replaceAll('/', '_');
      if (!existsSync(source)) {
        files.delete(file);
        writeSecrets(name, []);
        return rmSync(join(path, file), { force: true });
      }
      if (problem?.code === 'unreadable') return;
      const text = readFileSync(source, 'utf8');
      const derived = problem ? deriveBroken(text) : deriveFile(text, addressOf);
      const before = derived.isBroken ? (files.get(file) ?? nothing) : nothing;
      const held = {
        objects: firstOfEach([...derived.objects, ...before.objects]),
        secrets: firstOfEach([...derived.secrets, ...before.secrets]),
        placeOf: derived.placeOf,
      };
      files.set(file, held);
      writeSecrets(name, held.secrets);
      replaceFile(join(path, file), derived.text);
    },
    placeOf: (file, line, place) => files.get(file)?.placeOf?.(line, place),
    put(file, object) {
      const text = stringify(object, { version: '1.1' });
      if (written.get(file) === text) return;
      written.set(file, text);
      replaceFile(join(path, 'kubernetes', file), text);
    },
    remove(file) {
      written.delete(file);
      rmSync(join(path, 'kubernetes', file), { force: true });
    },
  };
}

interface Held {
  readonly objects: readonly KubeObject[];
  readonly secrets: readonly KubeObject[];
  readonly placeOf?: DerivedFile['placeOf'];
}
const nothing: Held = { objects: [], secrets: [] };

function firstOfEach(objects: readonly KubeObject[]): KubeObject[] {
  const byId = new Map(
    objects.toReversed().map((object) => [`${object.kind} ${namespaceOf(object)}/${object.metadata.name}`, object]),
  );
  return [...byId.values()].reverse();
}

const numbered = (part: string, i: number): string => join(part, String(i).padStart(2, '0'));

/** The name that a user knows a file of the state folder by, given its path there. */
export function givenName(path: string, given: readonly string[]): string {
  const [, index, rest = ''] = /^given\/(\d+)\/(.*)$/s.exec(path) ?? [];
  const source = given[Number(index)];
  if (index === undefined || source === undefined) return path;
  const [file = '', ...more] = rest.split('#');
  return [basename(source) === file ? join(dirname(source), file) : join(source, file), ...more].join('#');
}

/** Addresses of 10.96.0.0/16, each Service its own for as long as the cluster runs. */
function createAddresses(): (service: string) => string {
  const given = new Map<string, string>();
  return (service) => {
    const known = given.get(service);
    if (known) return known;
    const index = given.size + 10;
    const ip = `10.96.${index >> 8}.${index & 0xff}`;
    given.set(service, ip);
    return ip;
  };
}
