import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { MeshProxyConfig, parseValue } from '@flotilla/model';
import { corpusPath, goldenPairs } from '@flotilla/testing';
import {
  buildBootstrap,
  buildEnvoyArgs,
  buildGrpcBootstrap,
  buildNode,
  buildProxy,
  fillTemplate,
  proxyConfigJson,
  resolveProxyConfig,
} from './index.ts';

const corpus = corpusPath('bootstrap');
const read = (path: string): string => readFileSync(`${corpus}/${path}`, 'utf8');
const json = <T>(path: string): T => JSON.parse(read(path)) as T;
const names = (folder: string): string[] =>
  existsSync(corpus) ? readdirSync(`${corpus}/${folder}`).filter((name) => !name.includes('.')) : [];

interface Case {
  args: string[];
  env: Record<string, string>;
  podLabels: Record<string, string> | null;
  podAnnotations: Record<string, string> | null;
  interfaceAddresses: string[];
  files: Record<string, string>;
  exitCode: number;
  error?: string;
  envoyArgs: string[];
  bootstrapFile: string | null;
}
const flag = (args: readonly string[], name: string): string | undefined =>
  args.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3) ??
  (args.includes(`--${name}`) ? args[args.indexOf(`--${name}`) + 1] : undefined);

describe('golden pairs: bootstrap of what a pod says', () => {
  goldenPairs(import.meta.dirname, ([given]) => {
    const { type = 'sidecar', ...pod } = given as Pick<Case, 'env'> & {
      type?: string;
      podLabels?: Record<string, string>;
      podAnnotations?: Record<string, string>;
    };
    const built = buildProxy({
      args: { type, domain: '', outlierLogPath: '', stsPort: 0 },
      interfaceAddresses: [],
      istioExtensions: true,
      meshFile: '',
      ...pod,
    });
    return built.ok ? built.value.bootstrap : { error: built.error };
  });
});

describe.skipIf(!existsSync(corpus))('as Istio writes it (needs ../shared/corpus)', () => {
  it.each(names('cases'))('%s', (name) => {
    const { args, env, podLabels, podAnnotations, files, ...test } = json<Case>(`cases/${name}/case.json`);
    const built = buildProxy({
      args: {
        type: args[0] ?? '',
        domain: flag(args, 'domain') ?? '',
        outlierLogPath: flag(args, 'outlierLogPath') ?? '',
        stsPort: Number(flag(args, 'stsPort') ?? 0),
      },
      env,
      interfaceAddresses: test.interfaceAddresses,
      istioExtensions: true,
      meshFile: files['etc/istio/config/mesh'] ?? '',
      ...(podLabels ? { podLabels } : {}),
      ...(podAnnotations ? { podAnnotations } : {}),
    });
    if (test.exitCode !== 0) {
      // What the YAML parser itself says differs.
      expect(built).toMatchObject({
        ok: false,
        error: expect.stringContaining(test.error?.split('yaml: line')[0] ?? '') as string,
      });
      return;
    }
    if (!built.ok) throw new Error(built.error);
    const proxy = built.value;
    const template = flag(args, 'templateFile') ?? env['ISTIO_BOOTSTRAP'];
    if (template) {
      const filled = fillTemplate(files[template.replace('./', '')] ?? '', {
        nodeID: proxy.node.id,
        cluster: proxy.node.cluster,
        discovery_address: proxy.proxyConfig.discoveryAddress ?? '',
        localhost: '127.0.0.1',
        wildcard: '0.0.0.0',
        dns_lookup_family: 'V4_ONLY',
      });
      expect(filled).toEqual({ ok: true, value: read(`cases/${name}/bootstrap.raw`) });
    } else expect(proxy.bootstrap).toEqual(json(`cases/${name}/bootstrap.json`));
    expect(proxyConfigJson(proxy.proxyConfig)).toEqual(
      parse(
        read(`cases/${name}/effective-proxy-config.yaml`)
          .replaceAll('\\n', '\n')
          .replace(/"\}\s*$/, ''),
      ),
    );
    const grpc = json<Record<string, unknown>>(`cases/${name}/grpc-bootstrap.json`);
    expect(buildGrpcBootstrap(proxy.node, './etc/istio/proxy/XDS')).toMatchObject({
      xds_servers: grpc['xds_servers'],
      server_listener_resource_name_template: grpc['server_listener_resource_name_template'],
    });
    const override = env['ISTIO_BOOTSTRAP_OVERRIDE'];
    expect(
      buildEnvoyArgs({
        proxyConfig: proxy.proxyConfig,
        instanceIps: proxy.instanceIps,
        bootstrapFile: test.envoyArgs[1] ?? '',
        proxyLogLevel: flag(args, 'proxyLogLevel') ?? 'warning,misc:error',
        proxyComponentLogLevel: flag(args, 'proxyComponentLogLevel') ?? '',
        logAsJson: args.includes('--log_as_json'),
        ...(override ? { override: files[override.replace('./', '')] ?? '' } : {}),
      }),
    ).toEqual(test.envoyArgs);
  });

  it.each(names('upstream'))("Istio's own golden: %s", (name) => {
    interface Upstream {
      proxyConfig: unknown;
      proxyConfigSetByTest: Record<string, unknown>;
      nodeId: string;
      instanceIPs: string[];
      env: Record<string, string>;
      stsPort: number;
      podAnnotationsFile: Record<string, string>;
      platformMetadata: Record<string, string>;
      pilotSubjectAltName: string[];
      outlierLogPath: string;
      istioVersion: string;
    }
    const test = json<Upstream>(`upstream/${name}/case.json`);
    const { statusPortIfZero, ...set } = test.proxyConfigSetByTest;
    const proxyConfig = parseValue(MeshProxyConfig, {
      statusPort: statusPortIfZero,
      ...(test.proxyConfig as object),
      ...set,
    }).value as MeshProxyConfig;
    const shared = {
      proxyConfig,
      instanceIps: [...new Set(test.instanceIPs)],
      envoyStatusPort: 15021,
      envoyPrometheusPort: 15090,
      outlierLogPath: test.outlierLogPath,
      stsPort: test.stsPort,
    };
    const node = buildNode({
      ...shared,
      id: test.nodeId,
      env: test.env,
      istioVersion: test.istioVersion,
      pilotSans: test.pilotSubjectAltName,
      podAnnotations: test.podAnnotationsFile,
      platform: { metadata: test.platformMetadata, locality: {} },
    });
    if (!node.ok) throw new Error(node.error);
    const built = buildBootstrap({
      ...shared,
      node: node.value,
      deltaXds: false,
      waypoint: false,
      exitOnZeroActiveConnections: false,
      istioExtensions: true,
      xdsSocket: '/tmp/XDS',
      sdsSocket: './var/run/secrets/workload-spiffe-uds/socket',
      loadStatsConfig: test.env['ISTIO_META_LOAD_STATS_CONFIG_JSON'] ?? '',
    });
    if (!built.ok) throw new Error(built.error);
    const text = JSON.stringify(built.value.bootstrap).replaceAll(
      /"\/tmp\/bootstrap\/[a-z_]+\/lightstep/g,
      '"/test-path/lightstep',
    );
    expect(JSON.parse(text)).toEqual(json(`upstream/${name}/golden.json`));
  });
});

describe('proxy configuration', () => {
  it('never throws, whatever the text', () =>
    fc.assert(
      fc.property(fc.string(), fc.string(), (environment, annotation) => {
        resolveProxyConfig({ environment, annotations: { 'proxy.istio.io/config': annotation } });
      }),
    ));
  it('merges proxyMetadata and replaces other fields', () => {
    const resolved = resolveProxyConfig({
      environment: 'proxyMetadata: {A: "1", B: "2"}\nextraStatTags: [x]',
      annotations: { 'proxy.istio.io/config': 'proxyMetadata: {B: "3"}\nextraStatTags: [z]' },
    });
    expect(resolved).toMatchObject({ ok: true, value: { proxyMetadata: { A: '1', B: '3' }, extraStatTags: ['z'] } });
  });
});

const envoy = process.env['ENVOY_BIN'] ?? new URL('../../../../.cache/bin/envoy', import.meta.url).pathname;
describe.skipIf(!existsSync(envoy))('a stock Envoy', () => {
  it.each(['sidecar', 'router', 'waypoint'])('accepts the bootstrap of a %s, whatever the tracer', (type) => {
    for (const tracing of [
      '',
      'tracing: {datadog: {address: "dd:8126"}}',
      'tracing: {openCensusAgent: {address: "oc:55678"}}',
    ]) {
      const built = buildProxy({
        args: { type, domain: 'shop.svc.cluster.local' },
        interfaceAddresses: ['10.0.0.1'],
        istioExtensions: false,
        podLabels: { app: 'web' },
        env: { POD_NAME: 'web-1', POD_NAMESPACE: 'shop', PROXY_CONFIG: tracing },
      });
      if (!built.ok) throw new Error(built.error);
      const file = `${mkdtempSync(`${tmpdir()}/bootstrap-`)}/envoy-rev.json`;
      writeFileSync(file, JSON.stringify(built.value.bootstrap));
      const { proxyConfig, instanceIps } = built.value;
      const args = buildEnvoyArgs({
        proxyConfig,
        instanceIps,
        bootstrapFile: file,
        proxyLogLevel: 'warning',
        proxyComponentLogLevel: 'misc:error',
        logAsJson: false,
      });
      expect(
        execFileSync(envoy, [...args, '--mode', 'validate'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }),
      ).toContain('OK');
    }
  });
});
