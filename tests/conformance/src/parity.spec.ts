import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { corpusPath } from '@flotilla/testing';
import { compareScenarios, type Verdict } from '@flotilla/tool-parity';

/** Real Istio's answers, as data; a machine without them skips these tests, by name. */
const corpus = corpusPath('xds');
const here = existsSync(corpus);

/** Names, or beginnings of names, of scenarios that agree wholly. */
const whole = [
  'svc-',
  'proto-',
  'peerauthn-',
  'automtls-',
  'authz-',
  'jwt-',
  'accesslog-',
  'vs-uri-match-kinds',
  'vs-weighted-destinations',
  'vs-redirects',
  'vs-faults',
  'vs-mirroring',
  'vs-same-host-oldest-wins',
  'vs-short-names',
  'dr-subsets',
  'dr-simple-load-balancers',
  'dr-outlier-detection',
  'dr-connection-pool',
  'dr-locality',
  'dr-failover-priority',
  'sidecar-egress-hosts',
  'sidecar-ingress',
  'se-resolution-kinds',
  'gw-merge-gateways-same-port',
  'gw-no-virtualservice',
  'gw-https-redirect',
  'mesh-60-services',
  'mesh-outbound-registry-only',
];
/** How many of all agree: fewer is a step back. */
const agreed = 139;

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

  it.each(names.filter((name) => whole.some((start) => name.startsWith(start))))('%s agrees wholly', (name) => {
    expect(verdict.differing).not.toContain(name);
  });

  it('knows a scenario for each of these', () => {
    expect(whole.filter((start) => !names.some((name) => name.startsWith(start)))).toEqual([]);
  });

  it('keeps what agrees of all', () => {
    expect(verdict.cases).toEqual([names.length - verdict.differing.length, names.length]);
    expect(verdict.cases[0]).toBeGreaterThanOrEqual(agreed);
  });
});
