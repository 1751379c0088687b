import { MeshProxyConfig, defaultMeshConfig, mergeProxyConfig, parseValue, proxyConfigMistakes } from '@flotilla/model';
import { configLimits, err, ok, parsePort, parseUint, readYaml } from '@flotilla/std';
import type { Result } from '@flotilla/std';

type Annotations = Readonly<Record<string, string | undefined>>;
/** Where a proxy's configuration comes from: each text is YAML or JSON, and a later one wins. */
export interface ProxyConfigSources {
  /** The mesh configuration file (its `defaultConfig`). */
  readonly meshFile?: string;
  /** PROXY_CONFIG. */
  readonly environment?: string;
  readonly annotations?: Annotations;
  /** ISTIO_CPU_LIMIT: worker threads where no source names them. */
  readonly cpuLimit?: string;
  /** The deprecated flag --concurrency; 0 is not set. */
  readonly concurrency?: number;
  /** The deprecated flag --serviceCluster, for a configuration that names none. */
  readonly serviceCluster?: string;
}

/**
 * Mesh file, PROXY_CONFIG, the annotation proxy.istio.io/config, then the annotations of the discovery address and the
 * status port, over Istio's defaults. A named field replaces the whole field; proxyMetadata merges. Fails with the
 * agent's message for text that can't be read and for wrong values.
 */
export function resolveProxyConfig({
  meshFile,
  environment,
  annotations = {},
  cpuLimit,
  concurrency = 0,
  serviceCluster,
}: ProxyConfigSources): Result<MeshProxyConfig> {
  let config: MeshProxyConfig = {
    controlPlaneAuthPolicy: 'MUTUAL_TLS',
    ...defaultMeshConfig().defaultConfig,
    tracingServiceName: undefined,
  };
  const inMesh = (raw: unknown): unknown => (raw as { defaultConfig?: unknown } | null)?.defaultConfig ?? {};
  const texts: [string | undefined, (raw: unknown) => unknown, (text: string) => string][] = [
    [meshFile, inMesh, (text) => `failed to unmarshal mesh config from file [${text}]`],
    [environment, (raw) => raw, (text) => `failed to unmarshal mesh config from environment [${text}]`],
    [
      annotations['proxy.istio.io/config'],
      (raw) => raw,
      (text) => `failed to unmarshal mesh config from annotation [${text}]`,
    ],
  ];
  for (const [text, pick, prefix] of texts) {
    if (!text) continue;
    const given = parseConfig(text, pick);
    if (!given.ok) return err(`failed to get proxy config: ${prefix(text.slice(0, 200))}: ${given.error}`);
    config = mergeProxyConfig(config, given.value);
  }
  const cpus = parseUint(cpuLimit ?? '', 9999);
  if (config.concurrency === undefined && cpus.ok && cpus.value > 0) config = { ...config, concurrency: cpus.value };
  if (concurrency !== 0) config = { ...config, concurrency };
  if (config.serviceCluster === '' && serviceCluster) config = { ...config, serviceCluster };
  const problems = proxyConfigMistakes(config);
  if (problems.length > 0)
    return err(
      `failed to get proxy config: ${problems.length} error${problems.length > 1 ? 's' : ''} occurred:\n${problems.map((problem) => `\t* ${problem}`).join('\n')}`,
    );
  return ok(withAnnotations(config, annotations));
}

/** The two annotations that override everything, unchecked; a status port that is not a number is ignored. */
function withAnnotations(
  config: MeshProxyConfig,
  { 'sidecar.istio.io/discoveryAddress': discoveryAddress, 'status.sidecar.istio.io/port': port }: Annotations,
): MeshProxyConfig {
  return {
    ...config,
    ...(discoveryAddress === undefined ? {} : { discoveryAddress }),
    ...(port === undefined ? {} : { statusPort: parsePort(port) ?? 0 }),
  };
}

function parseConfig(text: string, pick: (raw: unknown) => unknown): Result<MeshProxyConfig> {
  const raw = readYaml(text, configLimits);
  if (!raw.ok) return err(`could not parse proxy config: yaml: ${raw.error.message}`);
  const { value, problems } = parseValue(MeshProxyConfig, pick(raw.value) ?? {});
  const wrong = problems.find(({ level }) => level === 'error');
  return wrong ? err(`could not parse proxy config: ${wrong.path}: ${wrong.message}`) : ok(value as MeshProxyConfig);
}
