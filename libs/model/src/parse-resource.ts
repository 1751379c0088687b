import { err, ok, type Result, isRecord } from '@flotilla/std';
import { kinds, type KindInfo } from './kinds.ts';
import { withMeshDefaults } from './mesh-defaults.ts';
import { defaultInstallation, type Installation } from './installation.ts';
import { meshObject } from './object-key.ts';
import { buildProblem } from './messages/build-problem.ts';
import type { Problem } from './problem.ts';
import type { AnyResource, Meta, OwnerReference } from './resource.ts';
import { OwnerReference as ownerReferenceSchema } from './schema/kubernetes.ts';
import { parseValue, type Parsed, type ParseOptions } from './schema/parse.ts';
import { repeated } from './schema/schema.ts';
import { MeshConfig, MeshNetworks } from './schema/mesh-config.ts';

type Plain = Readonly<Record<string, unknown>>;
const text = (value: unknown): string | undefined =>
  typeof value === 'string' ? value : value instanceof Date ? value.toISOString() : undefined;

export interface ParsedResource {
  readonly resource: AnyResource;
  readonly warnings: readonly Problem[];
}

const byKind = new Map(kinds.map((info) => [`${info.group}/${info.kind}`, info]));

/** The kind that an object says it is; undefined for kinds that the mesh doesn't read. */
export function kindOf(raw: unknown): KindInfo | undefined {
  if (!isRecord(raw)) return undefined;
  const apiVersion = text(raw['apiVersion']) ?? '';
  return byKind.get(
    `${apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : ''}/${text(raw['kind']) ?? ''}`,
  );
}

export interface ParseResourceOptions extends ParseOptions {
  /** The id of the cluster that the object belongs to. */
  readonly cluster?: string;
}

/**
 * A Kubernetes object (parsed YAML or JSON) as a resource. Errors: not an object, a kind the mesh doesn't read, no
 * name, wrong types; each names its path. What an API server has defaulted must be there already, except the namespace:
 * `default`.
 */
export function parseResource(
  raw: unknown,
  { cluster = defaultInstallation.clusterId, ...options }: ParseResourceOptions = {},
): Result<ParsedResource, readonly Problem[]> {
  const fail = (path: string, message: string, code = 'wrong-type'): Result<never, readonly Problem[]> =>
    err([{ code, level: 'error', path, message }]);
  if (!isRecord(raw)) return fail('', 'expected a Kubernetes object with apiVersion, kind and metadata');
  const apiVersion = text(raw['apiVersion']);
  const kindName = text(raw['kind']);
  if (!apiVersion || !kindName)
    return fail(apiVersion ? 'kind' : 'apiVersion', 'expected text: every object names its apiVersion and kind');
  const kind = kindOf(raw);
  if (!kind) return fail('kind', `unknown kind ${kindName} of ${apiVersion}`, 'unknown-kind');
  const version = apiVersion.slice(apiVersion.indexOf('/') + 1);
  if (!kind.versions.includes(version)) {
    return fail(
      'apiVersion',
      `${kindName} has no version ${version} in ${kind.group || 'the core group'}; use ${kind.versions.join(' or ')}`,
      'unknown-kind',
    );
  }
  const meta = parseMeta(raw['metadata'], kind);
  if (!meta.ok) return meta;
  const base = { collection: kind.collection, apiVersion, kind: kind.kind, meta: { ...meta.value, cluster } };
  const { value, problems } = parseFields(raw, kind, options);
  if (problems.some(({ level }) => level === 'error')) return err(problems);
  const unknown = unknownMembers(raw, kind);
  if (unknown.length > 0) return err(unknown);
  const status = kind.layout === 'spec' && raw['status'] !== undefined ? { status: raw['status'] } : {};
  return ok({ resource: { ...base, spec: value, ...status } as AnyResource, warnings: problems });
}

const members = new Set(['apiVersion', 'kind', 'metadata', 'spec', 'status']);
/**
 * Problems of unknown members in Istio's own objects. Istio's webhook refuses them too: `specs` may be meant as
 * `spec`.
 */
const unknownMembers = (raw: Plain, { group }: KindInfo): Problem[] =>
  group.endsWith('.istio.io')
    ? Object.keys(raw)
        .filter((name) => !members.has(name))
        .map((name) => buildProblem('UnknownMember', { name: JSON.stringify(name.slice(0, 100)) }, name.slice(0, 100)))
    : [];

/** What the mesh reads of an object, checked; problems have the paths that the object's author wrote. */
function parseFields(raw: Plain, { schema, layout }: KindInfo, options: ParseOptions): Parsed {
  switch (layout) {
    case 'spec':
      return parseValue(schema, raw['spec'] ?? {}, { ...options, path: 'spec' });
    case 'object':
      return parseValue(schema, raw, { ...options, path: '' });
    case 'spec and status': {
      const spec = raw['spec'] ?? {};
      const parsed = parseValue(schema, isRecord(spec) ? { ...spec, status: raw['status'] } : spec, {
        ...options,
        path: 'spec',
      });
      return {
        ...parsed,
        problems: parsed.problems.map((problem) => ({
          ...problem,
          path: problem.path?.replace(/^spec\.status\b/, 'status'),
        })),
      };
    }
  }
}

function parseMeta(raw: unknown, kind: KindInfo): Result<Omit<Meta, 'cluster'>, readonly Problem[]> {
  const problems: Problem[] = [];
  const wrong = (path: string, message: string): void =>
    void problems.push(buildProblem('WrongMetadata', { detail: message }, `metadata.${path}`));
  if (!isRecord(raw))
    return err([buildProblem('WrongMetadata', { detail: 'expected an object with a name' }, 'metadata')]);
  // YAML 1.1 makes a boolean of a name such as `off`; Kubernetes' decoder makes text of it again.
  const name =
    text(raw['name']) ??
    (typeof raw['name'] === 'boolean' || typeof raw['name'] === 'number' ? String(raw['name']) : '');
  if (name === '') wrong('name', 'expected a name');
  else if (name.length > 253 || !/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(name))
    wrong(
      'name',
      `${JSON.stringify(name.slice(0, 60))} is not a valid name: lower-case letters, digits, "-" and ".", at most 253`,
    );
  const namespace = kind.clusterScoped ? '' : text(raw['namespace']) || 'default';
  if (raw['namespace'] !== undefined && text(raw['namespace']) === undefined) wrong('namespace', 'expected text');
  const strings = (field: 'labels' | 'annotations'): Record<string, string> | undefined => {
    const map = raw[field];
    if (map === undefined || map === null) return undefined;
    if (!isRecord(map)) return void wrong(field, 'expected an object');
    for (const [key, value] of Object.entries(map))
      if (typeof value !== 'string' && value !== null)
        wrong(`${field}[${JSON.stringify(key)}]`, `expected text, found ${JSON.stringify(value)}: put it in quotes`);
      else if (!`${key}${value}`.isWellFormed())
        wrong(`${field}[${JSON.stringify(key)}]`, 'expected no surrogate without its pair');
    return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, text(value) ?? '']));
  };
  const [labels, annotations] = [strings('labels'), strings('annotations')];
  const owners =
    raw['ownerReferences'] === undefined
      ? undefined
      : parseValue(repeated(ownerReferenceSchema), raw['ownerReferences'] ?? [], { path: 'metadata.ownerReferences' });
  if (owners) problems.push(...owners.problems);
  if (problems.length > 0) return err(problems);
  const optional = {
    creationTimestamp: text(raw['creationTimestamp']),
    uid: text(raw['uid']),
    resourceVersion: text(raw['resourceVersion']),
    generateName: text(raw['generateName']),
  };
  return ok({
    name,
    namespace,
    ...(labels ? { labels } : {}),
    ...(annotations ? { annotations } : {}),
    ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)),
    ...(typeof raw['generation'] === 'number' ? { generation: raw['generation'] } : {}),
    ...(owners ? { ownerReferences: owners.value as readonly OwnerReference[] } : {}),
  });
}

/** The mesh's own configuration as a resource, over the installation's defaults; unknown fields are dropped. */
export function parseMeshConfig(
  raw: unknown,
  installation?: Pick<Installation, 'systemNamespace'>,
): Result<AnyResource, readonly Problem[]> {
  const { value, problems } = parseValue(MeshConfig, raw ?? {}, { path: 'mesh' });
  const errors = problems.filter(({ level }) => level === 'error');
  return errors.length > 0
    ? err(errors)
    : ok(meshResource('mesh-config', 'MeshConfig', withMeshDefaults(value as object, installation)));
}

/** Mesh networks as a resource; also given without their outer `networks`. */
export function parseMeshNetworks(raw: unknown): Result<AnyResource, readonly Problem[]> {
  const { value, problems } = parseValue(MeshNetworks, raw ?? {}, { path: 'meshNetworks' });
  const errors = problems.filter(({ level }) => level === 'error');
  return errors.length > 0 ? err(errors) : ok(meshResource('mesh-networks', 'MeshNetworks', value));
}

const meshResource = (collection: 'mesh-config' | 'mesh-networks', kind: string, spec: unknown): AnyResource =>
  ({
    collection,
    apiVersion: 'mesh.istio.io/v1alpha1',
    kind,
    meta: meshObject,
    spec,
  }) as AnyResource;
