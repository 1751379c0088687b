import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { isMap, parseAllDocuments, stringify, type Document } from 'yaml';
import { createGivenSecrets, type GivenSecrets } from './given-secrets.ts';
import { findManifests } from './manifests.ts';
import { replaceFile } from './replace-file.ts';

/** The cluster's state as a folder of YAML, which galley reads: `given` is what users gave, `system` what is always there, `kubernetes` what runs. */
export interface StateFolder {
  readonly path: string;
  readonly secrets: GivenSecrets;
  /** Writes an object of `kubernetes`; replaces the file in one step, and not at all when nothing differs. */
  put(file: string, object: object): void;
  remove(file: string): void;
  /** Takes the Secrets of a file away and gives each Service that needs one an address, leaving the rest as it is; returns whether it changed the file. */
  settle(path: string): boolean;
}

export interface StateParts { readonly given: readonly string[]; readonly system: readonly string[]; readonly secretsFolder: string }

/** Copies files and folders into a new state folder; their source is only read. Throws what findManifests does. */
export function createStateFolder(path: string, parts: StateParts): StateFolder {
  for (const folder of ['given', 'system', 'kubernetes']) mkdirSync(join(path, folder), { recursive: true });
  const written = new Map<string, string>();
  const ips = createAddresses();
  const secrets = createGivenSecrets(parts.secretsFolder);
  function assignAddresses(file: string): boolean {
    const documents = existsSync(file) ? parseAllDocuments(readFileSync(file, 'utf8'), { version: '1.1', merge: true }) : [];
    if (!Array.isArray(documents)) return false;
    const given = documents.map((document) => document.errors.length === 0 && assign(document, ips));
    if (!given.some(Boolean)) return false;
    replaceFile(file, documents.map((document) => document.toString()).join(''));
    return true;
  }
  function settle(file: string): boolean {
    const tookAny = secrets.takeFrom(file, relative(path, file).replaceAll('/', '_'));
    return assignAddresses(file) || tookAny;
  }
  for (const [part, sources] of [['given', parts.given], ['system', parts.system]] as const) {
    sources.forEach((source, i) => copyInto(join(path, part, String(i).padStart(2, '0')), source).forEach(settle));
  }
  return {
    path,
    secrets,
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
    settle,
  };
}

/** Returns the copies. */
function copyInto(target: string, source: string): string[] {
  const isFolder = statSync(source).isDirectory();
  return findManifests(source).map((file) => {
    const copy = join(target, isFolder ? relative(source, file) : basename(file));
    mkdirSync(dirname(copy), { recursive: true });
    copyFileSync(file, copy);
    return copy;
  });
}

/** What a user knows a file of the state folder as, by its path there: a copy by the name of its source. */
export function givenName(path: string, given: readonly string[]): string {
  const [, index, rest = ''] = /^given\/(\d+)\/(.*)$/s.exec(path) ?? [];
  const source = given[Number(index)];
  if (index === undefined || source === undefined) return path;
  return statSync(source, { throwIfNoEntry: false })?.isDirectory() ? join(source, rest) : join(dirname(source), rest);
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

/** Returns whether it gave an address. */
function assign(document: Document, addressOf: (service: string) => string): boolean {
  const { contents } = document;
  if (!isMap(contents) || contents.get('kind') !== 'Service' || contents.get('apiVersion') !== 'v1' || !document.hasIn(['spec'])) return false;
  if (document.getIn(['spec', 'clusterIP']) || document.getIn(['spec', 'type']) === 'ExternalName') return false;
  const ip = addressOf(`${String(document.getIn(['metadata', 'namespace']) ?? 'default')}/${String(document.getIn(['metadata', 'name']))}`);
  document.setIn(['spec', 'clusterIP'], ip);
  document.setIn(['spec', 'clusterIPs'], [ip]);
  return true;
}
