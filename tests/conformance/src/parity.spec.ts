import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';

/** Real Istio's answers, as data; a machine without them skips these tests, by name. */
const corpus = join(process.env['FLOTILLA_CORPUS'] ?? resolve(import.meta.dirname, '../../../../shared/corpus'), 'xds');
const here = existsSync(corpus);
const families = ['svc-', 'proto-', 'peerauthn-', 'automtls-', 'vs-', 'dr-', 'gw-', 'se-', 'mesh-', 'sidecar-', 'authz-', 'accesslog-', 'jwt-'];
/** What agrees wholly today, by family and how many: fewer is a step back. */
const agreed: Readonly<Record<string, number>> = { 'svc-': 4, 'proto-': 4, 'automtls-': 2, 'vs-': 15, 'dr-': 6, 'gw-': 6, 'se-': 2, 'mesh-': 6, 'sidecar-': 3, 'authz-': 7, 'accesslog-': 5, 'jwt-': 3 };

describe.skipIf(!here)('parity with Istio 1.19.0', () => {
  const scenarios = here ? readdirSync(corpus) : [];
  it.each(families.filter((family) => family in agreed && scenarios.some((name) => name.startsWith(family))))('keeps what agrees of %s', (family) => {
    const out = mkdtempSync(join(tmpdir(), 'flotilla-parity-'));
    const { stdout, stderr } = spawnSync(process.execPath, [resolve(import.meta.dirname, '../../../tools/parity/src/main.ts'), 'xds', '--corpus', corpus, '--only', family, '--out', out, '--json'], { encoding: 'utf8', maxBuffer: 1 << 26 });
    rmSync(out, { recursive: true, force: true });
    expect(stderr).toBe('');
    const [agree] = (JSON.parse(stdout.trim().split('\n').at(-1) ?? '{}') as { cases: [number, number] }).cases;
    expect(agree).toBeGreaterThanOrEqual(agreed[family] ?? 0);
  });
});
