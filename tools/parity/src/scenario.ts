import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { parseMeshConfig, parseMeshNetworks, parseResource, kindOf, type AnyResource } from '@flotilla/model';
import { credentialIn, type Credential, type Node } from '@flotilla/pilot-world';

export interface ScenarioProxy { readonly name: string; readonly node: Node; readonly identity: string }
export interface Scenario { readonly resources: readonly AnyResource[]; readonly problems: readonly string[]; readonly credentials: ReadonlyMap<string, Credential>; readonly proxies: readonly ScenarioProxy[] }

const documents = (path: string): unknown[] => {
  if (!existsSync(path)) return [];
  return parseAllDocuments(readFileSync(path, 'utf8'), { version: '1.1', merge: true }).flatMap((document) => {
    const value: unknown = document.toJS();
    return value === null || value === undefined ? [] : [value];
  });
};

/** Reads a folder of the corpus: its inputs as an API server would give them, and the proxies that connect. */
export function readScenario(dir: string): Scenario {
  const problems: string[] = [];
  const resources: AnyResource[] = [];
  for (const raw of [...documents(join(dir, 'kube.yaml')), ...documents(join(dir, 'config.yaml'))]) {
    if (!kindOf(raw)) continue;
    const parsed = parseResource(raw);
    if (parsed.ok) resources.push(parsed.value.resource);
    else problems.push(...parsed.error.map(({ path, message }) => `${path}: ${message}`));
  }
  const credentials = new Map(documents(join(dir, 'kube.yaml')).flatMap((raw) => secretIn(raw)));
  const [meshFile] = documents(join(dir, 'mesh.yaml'));
  const [networksFile] = documents(join(dir, 'networks.yaml'));
  const mesh = parseMeshConfig(meshFile ?? {});
  const networks = parseMeshNetworks(networksFile ?? {});
  for (const parsed of [mesh, networks]) {
    if (parsed.ok) resources.push(parsed.value);
    else problems.push(...parsed.error.map(({ path, message }) => `${path}: ${message}`));
  }
  const proxies = (documents(join(dir, 'proxies.yaml'))[0] ?? []) as { name: string; nodeId: string; metadata: Record<string, unknown> }[];
  const trustDomain = mesh.ok && mesh.value.collection === 'mesh-config' ? mesh.value.spec.trustDomain : undefined;
  return {
    resources, problems, credentials,
    proxies: proxies.map(({ name, nodeId, metadata }) => {
      const namespace = nodeId.split('~')[2]?.split('.').slice(1).join('.') ?? '';
      const account = typeof metadata['SERVICE_ACCOUNT'] === 'string' ? metadata['SERVICE_ACCOUNT'] : 'default';
      return { name, node: { id: nodeId, metadata }, identity: `spiffe://${trustDomain ?? 'cluster.local'}/ns/${namespace}/sa/${account}` };
    }),
  };
}

/** A Secret's credential under its key; nothing for other objects. */
function secretIn(raw: unknown): [string, Credential][] {
  const { kind, metadata, data } = raw as { kind?: string; metadata?: { name: string; namespace: string }; data?: Record<string, string> };
  if (kind !== 'Secret' || !metadata) return [];
  const bytes = Object.fromEntries(Object.entries(data ?? {}).map(([name, text]) => [name, Buffer.from(text, 'base64')]));
  return [[`${metadata.namespace}/${metadata.name}`, credentialIn(bytes)]];
}
