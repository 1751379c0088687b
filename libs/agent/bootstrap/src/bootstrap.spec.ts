import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { goldenPairs } from '@flotilla/testing';
import { buildEnvoyArgs, buildProxy, resolveProxyConfig } from './index.ts';

describe('golden pairs: bootstrap of what a pod says', () => {
  goldenPairs(import.meta.dirname, ([given]) => {
    const { type = 'sidecar', ...pod } = given as {
      env: Record<string, string>;
      type?: string;
      podLabels?: Record<string, string>;
      podAnnotations?: Record<string, string>;
      interfaceAddresses?: string[];
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
