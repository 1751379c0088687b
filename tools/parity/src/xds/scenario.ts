import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FileChange } from '@flotilla/galley-pipeline';
import { parseDocuments } from '@flotilla/galley-file-source';
import { readSecret, secretsIn } from '@flotilla/citadel-credentials';
import type { Credential } from '@flotilla/model';

interface Locality {
  readonly region: string;
  readonly zone: string;
  readonly subZone: string;
}
export interface ScenarioProxy {
  readonly name: string;
  readonly node: {
    readonly id: string;
    readonly cluster: string;
    readonly metadata: Readonly<Record<string, unknown>>;
    readonly locality?: Locality;
  };
  readonly identity: string;
  /** Its service account, as `namespace/name`. */
  readonly account: string;
}
/**
 * A folder of the corpus: files as galley's source would give them, the Secrets apart, and the proxies that connect.
 */
export interface Scenario {
  readonly files: readonly FileChange[];
  readonly credentials: ReadonlyMap<string, Credential>;
  readonly trustDomain: string;
  readonly proxies: readonly ScenarioProxy[];
}

/** The documents of a file, read as galley reads them. Throws for a file that is not valid YAML. */
export function documentsOf(path: string): readonly { readonly index: number; readonly value?: unknown }[] {
  if (!existsSync(path)) return [];
  const parsed = parseDocuments(readFileSync(path));
  const problem = 'problem' in parsed ? parsed.problem : parsed.documents.find((document) => document.problem)?.problem;
  if (problem || !('documents' in parsed)) throw new Error(`${path}: ${problem?.message ?? 'no documents'}`);
  return parsed.documents;
}

export function readScenario(dir: string): Scenario {
  const [kube, config] = [documentsOf(join(dir, 'kube.yaml')), documentsOf(join(dir, 'config.yaml'))];
  const [mesh, networks, proxies] = ['mesh.yaml', 'networks.yaml', 'proxies.yaml'].map(
    (name) => documentsOf(join(dir, name))[0]?.value,
  );
  const trustDomain = String((mesh as { trustDomain?: string } | undefined)?.trustDomain ?? 'cluster.local');
  const istio = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'istio', namespace: 'istio-system' },
    data: { mesh: mesh ?? {}, ...(networks === undefined ? {} : { meshNetworks: networks }) },
  };
  return {
    trustDomain,
    files: [
      { path: 'kube.yaml', documents: kube },
      { path: 'config.yaml', documents: config },
      { path: 'mesh.yaml', documents: [{ index: 1, value: istio }] },
    ],
    credentials: new Map(kube.flatMap(({ value }) => secretIn(value))),
    proxies: ((proxies ?? []) as RawProxy[]).map(({ name, nodeId, metadata, locality }) => {
      const namespace = nodeId.split('~')[2]?.split('.').slice(1).join('.') ?? '';
      const account = typeof metadata['SERVICE_ACCOUNT'] === 'string' ? metadata['SERVICE_ACCOUNT'] : 'default';
      const where = locality && {
        region: locality.Region ?? '',
        zone: locality.Zone ?? '',
        subZone: locality.SubZone ?? '',
      };
      const { app = 'istio-proxy' } = (metadata['LABELS'] ?? {}) as { app?: string };
      return {
        name,
        node: { id: nodeId, cluster: `${app}.${namespace}`, metadata, ...(where ? { locality: where } : {}) },
        identity: `spiffe://${trustDomain}/ns/${namespace}/sa/${account}`,
        account: `${namespace}/${account}`,
      };
    }),
  };
}

interface RawProxy {
  readonly name: string;
  readonly nodeId: string;
  readonly metadata: Record<string, unknown>;
  readonly locality?: { readonly Region?: string; readonly Zone?: string; readonly SubZone?: string };
}

/** The credentials of a document's Secrets under their keys, as far as citadel takes them. */
const secretIn = (value: unknown): [string, Credential][] =>
  secretsIn(value).flatMap((secret): [string, Credential][] => {
    const { key, read } = readSecret(secret);
    return read?.ok ? [[key, read.value]] : [];
  });
