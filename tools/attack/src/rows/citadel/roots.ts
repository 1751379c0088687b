import { createPrivateKey, createPublicKey, randomBytes, X509Certificate, type KeyObject } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { requestCertificate } from '@flotilla/runtime/certificate';
import { buildCertificate, buildCsr, generateKey, keyToPem } from '@flotilla/pki';
import { expect, expectEqual, table, type Attack } from '../../attack.ts';
import { certificateFor } from '../../clients/workload.ts';
import type { Mesh } from '../../mesh/attacked-mesh.ts';
import { atTime, inMounts, ending, ownCa, ownFolder, refusesToStart } from '../all/alone.ts';

type Row = Omit<Attack, 'service' | 'kind'>;
const rootOf = (mesh: Mesh): string => readFileSync(join(mesh.folder, 'state/root.pem'), 'utf8');

/** A kept root that cannot sign: citadel says so, and leaves it as it is. */
const unusable = (
  name: string,
  write: (path: string, mesh: Mesh) => void,
  { says, ...more }: Partial<Row> & { readonly says: RegExp },
): Row => ({
  name,
  describe: 'a root that cannot sign: citadel does not start, says why, and leaves the file as it is',
  run: async (mesh) => {
    const folder = ownFolder(mesh);
    const path = join(folder, 'root.pem');
    write(path, mesh);
    const before = execFileSync('stat', ['-c', '%i %s %Y', path], { encoding: 'utf8' });
    await refusesToStart(mesh, ownCa(mesh, folder), says);
    expectEqual('the file', execFileSync('stat', ['-c', '%i %s %Y', path], { encoding: 'utf8' }), before);
  },
  ...more,
});
/** A certificate for this key that the mesh's root has signed, and that may not sign others. */
function leafOf(mesh: Mesh, key: KeyObject): string {
  const root = rootOf(mesh);
  const now = Date.now();
  return buildCertificate(
    {
      publicKey: createPublicKey(key),
      serial: randomBytes(16),
      uris: ['spiffe://cluster.local/ns/shop/sa/orders'],
      validity: { notBefore: now - 60_000, notAfter: now + 3_600_000 },
    },
    { key: createPrivateKey(root), certificate: new X509Certificate(root) },
  );
}
const text =
  (content: (mesh: Mesh) => string) =>
  (path: string, mesh: Mesh): void =>
    writeFileSync(path, content(mesh), { mode: 0o600 });

export const roots = table({ service: 'citadel', kind: 'roots' }, [
  unusable(
    'random bytes',
    text(() => 'x'.repeat(1000)),
    { says: /root/, form: 'short' },
  ),
  unusable(
    'an empty file',
    text(() => ''),
    { says: /root/ },
  ),
  unusable(
    'a truncated file',
    text((mesh) => rootOf(mesh).slice(0, 200)),
    { says: /root/ },
  ),
  unusable(
    'the key of another certificate',
    text((mesh) =>
      rootOf(mesh).replace(/-----BEGIN PRIVATE KEY-----[^-]+-----END PRIVATE KEY-----\n/, keyToPem(generateKey())),
    ),
    { says: /key/ },
  ),
  unusable(
    'a certificate that is not a CA',
    text((mesh) => {
      const key = generateKey();
      return keyToPem(key) + leafOf(mesh, key);
    }),
    { says: /root/ },
  ),
  unusable(
    '10 MB',
    text(() => 'x'.repeat(10_000_000)),
    { says: /root/ },
  ),
  unusable('a folder', (path) => mkdirSync(path), { says: /root|EISDIR|directory/ }),
  unusable('a pipe', (path) => execFileSync('mkfifo', ['-m', '600', path]), { says: /root|pipe|file/ }),
  unusable(
    'a file that others may read',
    (path, mesh) => {
      writeFileSync(path, rootOf(mesh));
      chmodSync(path, 0o644);
    },
    { says: /others may read|chmod/ },
  ),
  {
    // ddf8edd: it refused.
    name: 'a folder that is read-only',
    describe: 'a root in a read-only folder, like a mounted Secret: citadel starts',
    form: 'short',
    run: async (mesh) => {
      const folder = ownFolder(mesh);
      const kept = join(folder, 'kept');
      mkdirSync(kept);
      for (const name of ['root.pem', 'tokens.json'])
        writeFileSync(
          join(kept, name),
          name === 'root.pem' ? rootOf(mesh) : JSON.stringify({ pilot: 'x'.repeat(40) }),
          { mode: 0o600 },
        );
      const ca = ownCa(mesh, folder, {
        wrapper: inMounts(`mount --bind '${kept}' '${kept}' && mount -o remount,ro,bind '${kept}'`),
        flags: {
          'root-file': join(kept, 'root.pem'),
          'root-cert-out': join(kept, 'root-cert.pem'),
          'bootstrap-tokens-file': join(kept, 'tokens.json'),
        },
      });
      ca.start();
      await ca.ready(20_000);
    },
  },
  {
    // ddf8edd: root.pem.*.new was left.
    name: 'a full disk',
    describe: 'no space for the first root: citadel does not start, says why, and leaves no draft',
    run: async (mesh) => {
      const folder = ownFolder(mesh);
      const script = `mount -t tmpfs -o size=16k full '${folder}' && dd if=/dev/zero of='${folder}/filler' bs=1k count=64 2>/dev/null`;
      const wrapper = inMounts(script).map((part) =>
        part.replace('exec "$@"', '"$@"; code=$?; ls -a "' + folder + '" >&2; exit $code'),
      );
      const { how, said } = await ending(ownCa(mesh, folder, { wrapper }));
      expect('an exit code of 1 or 2', `${how}: ${said}`, /^exit code [12]$/.test(how));
      expect('no draft to be left', said, !said.includes('.new'));
    },
  },
  {
    name: 'the root removed at run time',
    describe: 'root.pem and root-cert.pem are removed: certificates are signed as before',
    form: 'short',
    run: async (mesh) => {
      const state = join(mesh.folder, 'state');
      for (const name of ['root.pem', 'root-cert.pem']) renameSync(join(state, name), join(state, `${name}.away`));
      mesh.onClose(() =>
        ['root.pem', 'root-cert.pem'].forEach((name) => renameSync(join(state, `${name}.away`), join(state, name))),
      );
      const { cert } = await certificateFor(mesh.ca, await mesh.tokens.mint());
      expect('the same root', '', new X509Certificate(cert).checkIssued(new X509Certificate(mesh.roots)));
    },
  },
  ...['{', '{"keys":[]}', '{"keys":[null]}', '[]', `{"keys":[${'{"kty":"oct","k":"AA"},'.repeat(40_000)}{}]}`].map(
    (content, i): Row => ({
      name: `invalid keys for tokens (${i + 1})`,
      describe: 'a broken JWKS file: the last good version stays in force',
      run: async (mesh) => {
        const path = join(mesh.folder, 'jwks.json');
        const before = readFileSync(path);
        mesh.onClose(() => writeFileSync(path, before));
        writeFileSync(path, content);
        await certificateFor(mesh.ca, await mesh.tokens.mint()).catch((error: Error) => {
          // An empty set of keys is a valid one: then nobody is known.
          if (content !== '{"keys":[]}') throw error;
        });
      },
    }),
  ),
  {
    name: 'invalid bootstrap tokens',
    describe: 'a broken file of bootstrap tokens: it admits no new service, workloads are served',
    run: async (mesh) => {
      const path = join(mesh.folder, 'state/tokens.json');
      const before = readFileSync(path);
      mesh.onClose(() => writeFileSync(path, before, { mode: 0o600 }));
      for (const content of [
        '{',
        '{"pilot":"short"}',
        '{"../../x":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}',
        '['.repeat(500_000),
      ]) {
        writeFileSync(path, content);
        await certificateFor(mesh.ca, await mesh.tokens.mint());
      }
    },
  },
]);

const offset = { past: '-800d', future: '+7300d' };
async function certificateOf(mesh: Mesh, folder: string, address: string): Promise<X509Certificate> {
  const tokens = JSON.parse(readFileSync(join(folder, 'tokens.json'), 'utf8')) as Readonly<
    Record<string, { readonly token: string }>
  >;
  const identity = `spiffe://cluster.local/ns/istio-system/sa/${mesh.ca.service}`;
  const [leaf = ''] = await requestCertificate(
    {
      address: `${address}:${mesh.place('ca').port}`,
      roots: readFileSync(join(folder, 'root-cert.pem'), 'utf8'),
      host: 'istio-citadel.istio-system.svc',
      identity,
    },
    { csr: buildCsr(generateKey(), {}), token: tokens['pilot']?.token ?? '' },
  );
  return new X509Certificate(leaf);
}

/** Clocks that are wrong, or jump. */
export const clocks = table({ service: 'citadel', kind: 'clocks' }, [
  {
    // ddf8edd: certificates that ended before they began.
    name: 'a clock set back two years under a kept root',
    describe:
      "a clock before the root's notBefore: citadel does not start, or signs nothing that ends before it begins",
    run: async (mesh) => {
      const folder = ownFolder(mesh);
      writeFileSync(join(folder, 'root.pem'), rootOf(mesh), { mode: 0o600 });
      await refusesToStart(mesh, ownCa(mesh, folder, atTime(offset.past)), /clock|valid/);
    },
  },
  {
    name: 'a clock twenty years ahead',
    describe: "a clock after the root's notAfter: citadel does not start, and says why",
    run: async (mesh) => {
      const folder = ownFolder(mesh);
      writeFileSync(join(folder, 'root.pem'), rootOf(mesh), { mode: 0o600 });
      await refusesToStart(mesh, ownCa(mesh, folder, atTime(offset.future)), /expired|clock/);
    },
  },
  ...(['-2d', '+400d', '+3649d'] as const).map((jump): Row => ({
    name: `a clock that jumps by ${jump} while it runs`,
    describe: 'a clock that jumps: citadel keeps running, and signs nothing that ends before it begins',
    deadlineMs: 45_000,
    run: async (mesh) => {
      const folder = ownFolder(mesh);
      const clock = join(folder, 'clock');
      writeFileSync(clock, '+0');
      const { wrapper, env } = atTime('+0');
      const ca = ownCa(mesh, folder, {
        wrapper,
        env: { ...env, FAKETIME_TIMESTAMP_FILE: clock, FAKETIME_NO_CACHE: '1', FAKETIME: '' },
      });
      ca.start();
      await ca.ready(20_000);
      await certificateOf(mesh, folder, ca.address);
      writeFileSync(clock, jump);
      await pause(2000);
      const certificate = await certificateOf(mesh, folder, ca.address).catch((error: Error) => error);
      expect('the process to keep running', ca.ending ?? '', ca.isRunning);
      if (certificate instanceof X509Certificate)
        expect(
          'an end after its beginning',
          `${certificate.validFrom} to ${certificate.validTo}`,
          certificate.validToDate > certificate.validFromDate,
        );
    },
  })),
]);
