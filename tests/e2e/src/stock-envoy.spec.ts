import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { corpusPath } from '@flotilla/testing';
import { envoyVersions, serveEnvoys } from '@flotilla/tool-parity';
import { canRun } from './rig.ts';

/** One of each kind; `npm run parity -- envoy` has them all. */
const scenarios = [
  'accesslog-als-providers',
  'authz-from-matrix',
  'automtls-serviceentry',
  'gw-authz-jwt',
  'gw-conflict-quirks',
  'gw-https-sni-credentials',
  'inbound-protocol-matrix',
  'jwt-single-issuer',
  'locality-failover-priority',
  'mesh-60-services',
  'sidecar-ingress-tls',
  'tracing-providers',
  'vs-tls-sni-routes',
];

describe.skipIf(!canRun || !existsSync(corpusPath('xds'))).each(envoyVersions)(
  'a stock Envoy %s takes what is made of what real Istio was given',
  (version) => {
    it.each(scenarios)('%s', async (name) => {
      expect(await serveEnvoys(corpusPath('xds', name), version)).toEqual([]);
    });
  },
);
