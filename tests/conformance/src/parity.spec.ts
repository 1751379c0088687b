import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { corpusPath } from '@flotilla/testing';
import { compareScenarios, type Verdict } from '@flotilla/tool-parity';

/** Real Istio's answers, as data; a machine without them skips these tests, by name. */
const corpus = corpusPath('xds');
const here = existsSync(corpus);

/** Why scenarios differ from what Istio answers. */
const reasons = {
  envoyFilter: 'EnvoyFilter is not applied yet',
  gatewayApi: 'Gateway API is not converted yet',
  ingress: 'Ingress is not converted yet',
  wasm: 'WasmPlugin is not served yet',
  proxyless: 'clients of gRPC without a proxy are served as sidecars: their own kind of answers does not exist yet',
};

/** All scenarios that differ, with the reason. */
const known: Readonly<Record<string, string>> = {
  'envoyfilter-clusters': reasons.envoyFilter,
  'envoyfilter-gateway-routes': reasons.envoyFilter,
  'envoyfilter-http-filter-ops': reasons.envoyFilter,
  'envoyfilter-listener-filterchain': reasons.envoyFilter,
  'envoyfilter-ordering': reasons.envoyFilter,
  'envoyfilter-sidecar-routes': reasons.envoyFilter,
  'grpc-proxyless-mtls': reasons.proxyless,
  'grpc-proxyless-routes': reasons.proxyless,
  'gwapi-alpha-routes-off': reasons.gatewayApi,
  'gwapi-eastwest-auto-passthrough': reasons.gatewayApi,
  'gwapi-http-filters': reasons.gatewayApi,
  'gwapi-http-matches': reasons.gatewayApi,
  'gwapi-reference-grant': reasons.gatewayApi,
  'gwapi-route-merging-precedence': reasons.gatewayApi,
  'gwapi-tls-listeners': reasons.gatewayApi,
  'gwapi-weights-and-invalid-backends': reasons.gatewayApi,
  'ingress-class-selection': reasons.ingress,
  'ingress-custom-selector': reasons.ingress,
  'ingress-custom-service': reasons.ingress,
  'ingress-default-backend-only': reasons.ingress,
  'ingress-tls-secrets': reasons.ingress,
  'mesh-root-namespace': reasons.envoyFilter,
  'wasmplugin-priority': reasons.wasm,
  'wasmplugin-sources': reasons.wasm,
};

describe.skipIf(!here)('parity with Istio 1.19.0', () => {
  const names = here
    ? readdirSync(corpus)
        .filter((name) => existsSync(join(corpus, name, 'expected')))
        .sort()
    : [];
  let verdict: Verdict;
  beforeAll(async () => {
    verdict = await compareScenarios({ corpus, only: '' });
  }, 300_000);

  it.each(names.filter((name) => known[name] === undefined))('%s agrees', (name) => {
    expect(verdict.differing).not.toContain(name);
  });

  it('differs only where a reason is known, and no longer than that', () => {
    expect(verdict.differing.toSorted()).toEqual(Object.keys(known).toSorted());
  });

  it('has compared every scenario', () => {
    expect(names.length).toBeGreaterThan(0);
    expect(verdict.cases[1]).toBe(names.length);
  });
});
