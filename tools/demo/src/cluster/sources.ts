import { chmodSync, chownSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { namespaceOf, type KubeObject } from './objects.ts';
import type { TokenIssuer } from './tokens.ts';
import type { VolumeSources } from './volumes.ts';

export interface SourceOptions {
  /** Everything of this run. */
  readonly folder: string;
  /** The manifests as they are now. */
  objects(): readonly KubeObject[];
  /** Secrets that were given, as they are now, and those made for this run (`namespace/name` to their keys). */
  given(): readonly KubeObject[];
  readonly made: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly tokens: TokenIssuer;
}

/** What pods' volumes and environments are filled with. The root certificate is there once the CA has written it. */
export function createSources({ folder, objects, given, made, tokens }: SourceOptions): VolumeSources {
  const named =
    (namespace: string, name: string) =>
    (object: KubeObject): boolean =>
      object.metadata.name === name && namespaceOf(object) === namespace;
  const rootCert = join(folder, 'ca/root-cert.pem');
  return {
    tokens,
    hostPath: (path) => join(folder, path.replace(/^\/flotilla\//, '')),
    configMap: (namespace, name) => {
      if (name !== 'istio-ca-root-cert')
        return objects()
          .filter(({ kind }) => kind === 'ConfigMap')
          .find(named(namespace, name))?.data;
      return existsSync(rootCert) ? { 'root-cert.pem': readFileSync(rootCert, 'utf8') } : undefined;
    },
    secret: (namespace, name) => made[`${namespace}/${name}`] ?? dataOf(given().find(named(namespace, name))),
  };
}

/** What a Secret holds, as text. */
const dataOf = (secret: KubeObject | undefined): Readonly<Record<string, string>> | undefined =>
  secret && {
    ...Object.fromEntries(
      Object.entries(secret.data ?? {}).map(([key, text]) => [key, Buffer.from(text, 'base64').toString()]),
    ),
    ...secret.stringData,
  };

const caUser = 1337;

/** A folder and the files in it, for the CA alone. */
export function giveToCa(folder: string): void {
  for (const path of [folder, ...readdirSync(folder).map((name) => join(folder, name))])
    chownSync(path, caUser, caUser);
  chmodSync(folder, 0o700);
}
