import { keyOf, kindOf, parseMeshConfig, parseResource } from '@flotilla/model';
import { createWorldStore, parseProxy, worldChanges } from '@flotilla/pilot-world';
import { toJson, type Json } from '@flotilla/proto-gen/json';
import { Engine, Subject, type Change } from '@flotilla/query';
import { resourceKey, typeUrls, type XdsKind } from './finish/kinds.ts';
import type { XdsResource } from './resource.ts';
import { readAll, readOne } from './read.ts';

export type Plain = Readonly<Record<string, unknown>>;

/** For specs: an object of the mesh in the namespace `shop`; its spec, and what it has beside that. */
export function object(
  type: string,
  name: string,
  {
    spec,
    ...rest
  }:
    | { readonly spec: Plain; readonly metadata?: Plain; readonly status?: Plain }
    | (Plain & { readonly spec?: undefined }),
): Plain {
  const [apiVersion, kind] = type.split(' ');
  return {
    apiVersion,
    kind,
    ...rest,
    metadata: { name, namespace: 'shop', ...(rest['metadata'] as Plain | undefined) },
    ...(spec === undefined ? {} : { spec }),
  };
}

const istio =
  (kind: string) =>
  (name: string, spec: Plain, metadata: Plain = {}): Plain =>
    object(`networking.istio.io/v1beta1 ${kind}`, name, { spec, metadata });
export const destinationRule = istio('DestinationRule');
export const virtualService = istio('VirtualService');
export const serviceEntry = istio('ServiceEntry');
export const sidecar = istio('Sidecar');
export const service = (name: string, spec: Plain, metadata: Plain = {}): Plain =>
  object('v1 Service', name, { spec, metadata });
export const peerAuthentication = (name: string, spec: Plain, metadata: Plain = {}): Plain =>
  object('security.istio.io/v1beta1 PeerAuthentication', name, { spec, metadata });

export function changeOf(raw: Plain): Change[] {
  const parsed = parseResource(raw);
  const collection = kindOf(raw)?.collection;
  if (!parsed.ok || !collection) throw new Error(`no resource: ${JSON.stringify(parsed)}`);
  const { resource } = parsed.value;
  return worldChanges(collection, keyOf(resource.meta), resource);
}

export function meshConfig(raw: Plain): Change[] {
  const parsed = parseMeshConfig(raw);
  if (!parsed.ok) throw new Error(`no mesh configuration: ${JSON.stringify(parsed)}`);
  return worldChanges('mesh-config', keyOf(parsed.value.meta), parsed.value);
}

/** Any depth of a message in JSON. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- specs look into messages of every kind
type Loose = any;

export interface Answers {
  /** The resource of a name among everything that the proxy is sent of a kind (CDS, LDS); undefined for none. */
  named(kind: 'cds' | 'lds', name: string): Loose;
  names(kind: 'cds' | 'lds'): string[];
  /** One asked for by its name (EDS, RDS). */
  one(kind: 'eds' | 'rds', name: string): Loose;
}

export interface Asking {
  readonly metadata?: Plain;
  readonly labels?: Readonly<Record<string, string>>;
  readonly ip?: string;
  readonly namespace?: string;
  readonly mesh?: Plain;
  readonly locality?: { readonly region?: string; readonly zone?: string };
}

/** For specs: what a sidecar of a mesh is sent, as JSON. */
export function ask(
  objects: readonly Plain[],
  { metadata = {}, labels = {}, ip = '10.0.0.9', namespace = 'shop', mesh = {}, locality }: Asking = {},
): Answers {
  const node = parseProxy({
    id: `sidecar~${ip}~client.${namespace}~${namespace}.svc.cluster.local`,
    ...(locality ? { locality } : {}),
    metadata: {
      NAMESPACE: namespace,
      CLUSTER_ID: 'Kubernetes',
      LABELS: labels,
      INSTANCE_IPS: ip,
      ENVOY_STATUS_PORT: 15021,
      ENVOY_PROMETHEUS_PORT: 15090,
      ...metadata,
    },
  });
  if (!node.ok) throw new Error(node.error);
  const subject = new Subject(node.value as unknown as Record<string, unknown>);
  const engine = new Engine(createWorldStore());
  engine.apply([...meshConfig(mesh), ...objects.flatMap(changeOf)]);
  const plain = (kind: XdsKind, resource: XdsResource | undefined): Json | undefined =>
    resource && toJson(typeUrls[kind], resource.bytes);
  const all = (kind: 'cds' | 'lds'): readonly XdsResource[] => readAll(engine, kind, subject);
  return {
    named: (kind, name) =>
      plain(
        kind,
        all(kind).find((resource) => resource.name === name),
      ),
    names: (kind) =>
      all(kind)
        .map(({ name }) => name)
        .sort(),
    one: (kind, name) => plain(kind, readOne(engine, resourceKey({ kind, name }), subject)),
  };
}
