import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';

/** Real Istio's answers, as data; a machine without them skips these tests, by name. */
const corpus = join(process.env['FLOTILLA_CORPUS'] ?? resolve(import.meta.dirname, '../../../../shared/corpus'), 'xds');

/** Names, or beginnings of names, of scenarios that agree wholly. */
const whole = [
  'svc-', 'proto-', 'peerauthn-', 'automtls-', 'authz-', 'jwt-', 'accesslog-', 'vs-uri-match-kinds', 'vs-weighted-destinations', 'vs-redirects', 'vs-faults', 'vs-mirroring',
  'vs-same-host-oldest-wins', 'vs-short-names', 'dr-subsets', 'dr-simple-load-balancers', 'dr-outlier-detection', 'dr-connection-pool', 'dr-locality', 'dr-failover-priority',
  'sidecar-egress-hosts', 'sidecar-ingress', 'se-resolution-kinds', 'gw-merge-gateways-same-port', 'gw-no-virtualservice', 'gw-https-redirect', 'mesh-60-services',
  'mesh-outbound-registry-only',
];
/** How many of all agree: fewer is a step back. */
const agreed = 84;

function parity(only: string): [number, number] {
  const out = mkdtempSync(join(tmpdir(), 'flotilla-parity-'));
  const program = resolve(import.meta.dirname, '../../../tools/parity/src/main.ts');
  const { stdout, stderr } = spawnSync(process.execPath, [program, 'xds', '--corpus', corpus, '--only', only, '--out', out, '--json'], { encoding: 'utf8', maxBuffer: 1 << 26 });
  rmSync(out, { recursive: true, force: true });
  expect(stderr).toBe('');
  return (JSON.parse(stdout.trim().split('\n').at(-1) ?? '{}') as { cases: [number, number] }).cases;
}

describe.skipIf(!existsSync(corpus))('parity with Istio 1.19.0', () => {
  it.each(whole)('%s agrees wholly', (name) => {
    const [agree, all] = parity(name);
    expect([agree, all]).toEqual([all, all]);
    expect(all).toBeGreaterThan(0);
  });

  it('keeps what agrees of all', () => {
    expect(parity('')[0]).toBeGreaterThanOrEqual(agreed);
  });
});
