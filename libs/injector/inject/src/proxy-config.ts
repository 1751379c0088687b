import {
  parseValue,
  defaultMeshConfig,
  meshSchemas,
  type MeshConfig,
  type MeshProxyConfig,
  type Resource,
  type Schema,
} from '@flotilla/model';
import { compareAge, hasSelector, labelsMatch, selectorOf } from '@flotilla/rules';
import { annotationLimits, deepEqual, err, ok, readYaml, type Result } from '@flotilla/std';
import type { PodObject } from '@flotilla/injector-template';

type Plain = Readonly<Record<string, unknown>>;
const isPlain = (value: unknown): value is Plain =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const fieldsOf = (schema: Schema): Readonly<Record<string, Schema>> =>
  schema.type === 'message' ? schema.fields() : {};
const proxyConfigSchema = (): Schema => fieldsOf(meshSchemas['mesh-config'])['defaultConfig'] ?? { type: 'struct' };
export type ProxyConfigs = readonly Resource<'proxy-configs'>[];

export interface ProxyConfigOptions {
  readonly mesh: MeshConfig;
  readonly namespace: string;
  readonly proxyConfigs: ProxyConfigs;
}

/**
 * The proxy configuration of a pod: the mesh's, then its annotation (a named field takes the place of the whole field),
 * then ProxyConfig resources from the root namespace, its namespace and those that select it (of several on a level the
 * oldest). Environment merges over all levels. An annotation that can't be read is told.
 */
export function effectiveProxyConfig(
  pod: PodObject,
  { mesh, namespace, proxyConfigs }: ProxyConfigOptions,
): Result<MeshProxyConfig> {
  let config: MeshProxyConfig = mesh.defaultConfig ?? {};
  const text = pod.metadata.annotations?.['proxy.istio.io/config'];
  if (text !== undefined) {
    const given = parseAnnotation(text);
    if (!given.ok) return given;
    config = { ...config, ...given.value, proxyMetadata: { ...config.proxyMetadata, ...given.value.proxyMetadata } };
  }
  const [root, labels] = [mesh.rootNamespace || 'istio-system', pod.metadata.labels ?? {}];
  const oldest = (matches: (one: Resource<'proxy-configs'>) => boolean): Resource<'proxy-configs'> | undefined =>
    proxyConfigs.filter(matches).sort((a, b) => compareAge(a.meta, b.meta))[0];
  const levels = [
    oldest((one) => one.meta.namespace === root && !hasSelector(one)),
    namespace === root ? undefined : oldest((one) => one.meta.namespace === namespace && !hasSelector(one)),
    oldest((one) => one.meta.namespace === namespace && hasSelector(one) && labelsMatch(selectorOf(one), labels)),
  ];
  for (const level of levels) {
    if (!level) continue;
    const { concurrency, environmentVariables, image } = level.spec;
    config = {
      ...config,
      ...(concurrency === undefined ? {} : { concurrency }),
      ...(image ? { image } : {}),
      ...(environmentVariables ? { proxyMetadata: { ...config.proxyMetadata, ...environmentVariables } } : {}),
    };
  }
  return ok(config);
}

/**
 * The annotation's own fields. Fails when the text is not such a configuration in YAML, or exceeds `annotationLimits`.
 */
export function parseAnnotation(text: string): Result<MeshProxyConfig> {
  const raw = readYaml(text, annotationLimits);
  if (!raw.ok) return err(`could not parse proxy.istio.io/config: ${raw.error.message}`);
  const { value, problems } = parseValue(proxyConfigSchema(), raw.value ?? {}, {
    path: 'proxyConfig',
    unknownFields: 'lenient',
  });
  const wrong = problems.find(({ level }) => level === 'error');
  return wrong
    ? err(`could not parse proxy.istio.io/config: ${wrong.path}: ${wrong.message}`)
    : ok(value as MeshProxyConfig);
}

/** What differs from Istio's own defaults, as canonical JSON in the API's order of fields. */
export function proxyConfigJson(config: MeshProxyConfig): string {
  const defaults = (defaultMeshConfig().defaultConfig ?? {}) as Plain;
  const differing = Object.fromEntries(
    Object.entries(config as Plain).filter(
      ([key, value]) =>
        !deepEqual(value, defaults[key]) &&
        !(isPlain(value) && key === 'proxyMetadata' && Object.keys(value).length === 0),
    ),
  );
  return JSON.stringify(toJson(proxyConfigSchema(), differing));
}

/** Proto3 JSON: values that say nothing are left out, but not of wrappers. */
function toJson(schema: Schema, value: unknown): unknown {
  switch (schema.type) {
    case 'message': {
      const given = value as Plain;
      return Object.fromEntries(
        Object.entries(fieldsOf(schema)).flatMap(([name, field]) =>
          given[name] === undefined || isZero(field, given[name]) ? [] : [[name, toJson(field, given[name])]],
        ),
      );
    }
    case 'repeated':
      return (value as readonly unknown[]).map((item) => toJson(schema.of, item));
    case 'map':
      return Object.fromEntries(
        Object.entries(value as Plain)
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([key, item]) => [key, toJson(schema.of, item)]),
      );
    case 'duration':
      return formatDuration(value as number);
    case 'wrapper':
      return toJson(schema.of, value);
    case 'int64':
      return String(value);
    default:
      return value;
  }
}

function isZero(schema: Schema, value: unknown): boolean {
  if (schema.type === 'enum') return schema.values[value as string] === 0;
  if (schema.type === 'repeated' || schema.type === 'map') return Object.keys(value as object).length === 0;
  return schema.type !== 'wrapper' && schema.type !== 'duration' && (value === '' || value === 0 || value === false);
}

/** Seconds with 0, 3, 6 or 9 decimals. */
function formatDuration(seconds: number): string {
  const nanos = Math.round(seconds * 1e9);
  const decimals = [0, 3, 6].find((count) => nanos % 10 ** (9 - count) === 0) ?? 9;
  return `${(nanos / 1e9).toFixed(decimals)}s`;
}
