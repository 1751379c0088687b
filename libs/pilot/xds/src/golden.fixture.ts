import { credentialIn, defaultInstallation, keyOf, keySetKey, type JwksFetchMode } from '@flotilla/model';
import {
  createWorldStore,
  credentialChanges,
  keySetChange,
  parseProxy,
  proxySubject,
  worldChanges,
  type Node,
} from '@flotilla/pilot-world';
import { Engine, type Change, type Subject } from '@flotilla/query';
import { resourceOf } from '@flotilla/testing';

/**
 * The first document of an input: the proxy (Envoy's node, and the ServiceAccount that it proved
 * to run as, which may have Secrets), and
 * what of the answer is looked at: `KIND` for the names of all resources, `KIND NAME` for one, `KIND NAME PATH` for a
 * part of it (members' names with dots between; `*` for all of a list or an object). The one name table is called `-`.
 */
export interface Asked {
  readonly node: Node;
  readonly account?: string;
  readonly show: readonly string[];
  /** Pilot's, by default. */
  readonly jwksFetchMode?: JwksFetchMode;
  /** Key sets that pilot has fetched, by URL. */
  readonly keySets?: Readonly<Record<string, string>>;
}

interface Secret {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly stringData: Readonly<Record<string, string>>;
}
/** A Secret reaches pilot as citadel reads it, apart from the World's other objects. */
function secretChanges({ metadata, stringData }: Secret): Change[] {
  const bytes = Object.fromEntries(Object.entries(stringData).map(([name, text]) => [name, Buffer.from(text)]));
  const credential = credentialIn(bytes, metadata.name);
  const put = new Map(credential ? [[`${metadata.namespace}/${metadata.name}`, credential]] : []);
  return credentialChanges({ put, delete: [] });
}

function changesOf(document: unknown): Change[] {
  if ((document as { kind: string }).kind === 'Secret') return secretChanges(document as Secret);
  const resource = resourceOf(document);
  return worldChanges(resource.collection, keyOf(resource.meta), resource);
}

/** For specs: the mesh of a golden pair's input, and the proxy. */
export function meshOf([first, ...documents]: readonly unknown[]): {
  readonly engine: Engine;
  readonly proxy: Subject;
  readonly show: readonly string[];
} {
  const { node, account, show, jwksFetchMode = 'istiod', keySets = {} } = first as Asked;
  const isConfigured = documents.some((document) => (document as { kind: string }).kind === 'MeshConfig');
  const engine = new Engine(createWorldStore(defaultInstallation, { jwksFetchMode }));
  engine.apply([...(isConfigured ? [] : [{ kind: 'MeshConfig' }]), ...documents].flatMap(changesOf));
  engine.apply(Object.entries(keySets).map(([url, jwks]) => keySetChange(keySetKey({ kind: 'jwks', url }), jwks)));
  const [namespace, serviceAccount] = account?.split('/') ?? [];
  const proof =
    account === undefined ? undefined : { identity: `spiffe://cluster.local/ns/${namespace}/sa/${serviceAccount}` };
  if (account !== undefined)
    engine.apply(credentialChanges({ put: new Map(), delete: [], readers: new Map([[account, true]]) }));
  const parsed = parseProxy(node, proof);
  if (!parsed.ok) throw new Error(parsed.error);
  return { engine, proxy: proxySubject(engine, parsed.value), show };
}
