import {
  parseValue,
  defaultMeshConfig,
  mergeProxyConfig,
  meshSchemas,
  type MeshConfig,
  type MeshProxyConfig,
  type Resource,
  type Schema,
  writeProtoJson,
} from '@flotilla/model';
import { compareAge, hasSelector, labelsMatch, selectorOf } from '@flotilla/rules';
import { annotationLimits, deepEqual, err, ok, readYaml, type Result, isRecord } from '@flotilla/std';
import type { PodObject } from '@flotilla/injector-template';

type Plain = Readonly<Record<string, unknown>>;
const fieldsOf = (schema: Schema): Readonly<Record<string, Schema>> =>
  schema.type === 'message' ? schema.fields() : {};
const proxyConfigSchema = (): Schema => fieldsOf(meshSchemas['mesh-config'])['defaultConfig'] ?? { type: 'struct' };
export type ProxyConfigs = readonly Resource<'proxy-configs'>[];

export interface ProxyConfigOptions {
  readonly mesh: MeshConfig;
  /** The root namespace of a mesh that names none. */
  readonly systemNamespace: string;
  readonly namespace: string;
  readonly proxyConfigs: ProxyConfigs;
}

/**
 * The proxy configuration of a pod: the mesh's, then its annotation (a named field takes the place of the whole field),
 * then ProxyConfig resources from the root namespace, its namespace and those that select it (of several on a level the
 * oldest). Environment merges over all levels. An annotation that can't be read is an error.
 */
export function effectiveProxyConfig(
  pod: PodObject,
  { mesh, systemNamespace, namespace, proxyConfigs }: ProxyConfigOptions,
): Result<MeshProxyConfig> {
  let config: MeshProxyConfig = mesh.defaultConfig ?? {};
  const text = pod.metadata.annotations?.['proxy.istio.io/config'];
  if (text !== undefined) {
    const given = parseAnnotation(text);
    if (!given.ok) return given;
    config = mergeProxyConfig(config, given.value);
  }
  const [root, labels] = [mesh.rootNamespace || systemNamespace, pod.metadata.labels ?? {}];
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
  if (!raw.ok) return err(`could not parse proxy config: ${raw.error.message}`);
  const { value, problems } = parseValue(proxyConfigSchema(), raw.value ?? {}, {
    path: 'proxyConfig',
    unknownFields: 'lenient',
  });
  const wrong = problems.find(({ level }) => level === 'error');
  return wrong ? err(`could not parse proxy config: ${wrong.path}: ${wrong.message}`) : ok(value as MeshProxyConfig);
}

/** What differs from Istio's own defaults, as canonical JSON in the API's order of fields. */
export function proxyConfigJson(config: MeshProxyConfig): string {
  const defaults = (defaultMeshConfig().defaultConfig ?? {}) as Plain;
  const differing = Object.fromEntries(
    Object.entries(config as Plain).filter(
      ([key, value]) =>
        !deepEqual(value, defaults[key]) &&
        !(isRecord(value) && key === 'proxyMetadata' && Object.keys(value).length === 0),
    ),
  );
  return JSON.stringify(writeProtoJson(proxyConfigSchema(), differing));
}
