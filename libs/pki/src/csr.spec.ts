import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, randomBytes, X509Certificate } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildCertificate, buildCsr, buildRoot, generateKey, maxCsrBytes, parseCsr } from './index.ts';
import { der, membersOf, readDer, tag } from './der.ts';

const folder = mkdtempSync(join(tmpdir(), 'csr-'));
const run = (program: string, ...args: string[]): string =>
  execFileSync(program, args, { encoding: 'utf8', cwd: folder, stdio: ['ignore', 'pipe', 'ignore'] });
const hasOpenssl = (() => {
  try {
    run('openssl', 'version');
    return true;
  } catch {
    return false;
  }
})();
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return name;
};
const pemOf = (bytes: Uint8Array, label = 'CERTIFICATE REQUEST'): string =>
  `-----BEGIN ${label}-----\n${Buffer.from(bytes).toString('base64')}\n-----END ${label}-----\n`;
const derOf = (pem: string): Buffer => Buffer.from(pem.replace(/-----.*-----|\s/g, ''), 'base64');
const identity = { uris: ['spiffe://cluster.local/ns/shop/sa/web'] };
const own = buildCsr(generateKey(), identity);

describe.skipIf(!hasOpenssl)('requests that openssl makes', () => {
  const made = (name: string, key: readonly string[], request: readonly string[] = []): string => {
    run('openssl', 'genpkey', ...key, '-out', `${name}.key`);
    return run('openssl', 'req', '-new', '-subj', '/', '-key', `${name}.key`, ...request);
  };
  const rsa = (bits: number): string[] => ['-algorithm', 'RSA', '-pkeyopt', `rsa_keygen_bits:${bits}`];
  const curve = (name: string): string[] => ['-algorithm', 'EC', '-pkeyopt', `ec_paramgen_curve:${name}`];
  const pss = (hash: string, salt = 'digest', mask = hash): string[] => [
    `-${hash}`,
    '-sigopt',
    'rsa_padding_mode:pss',
    '-sigopt',
    `rsa_pss_saltlen:${salt}`,
    '-sigopt',
    `rsa_mgf1_md:${mask}`,
  ];

  it.each<[string, string[], string[]?]>([
    ['P-256', curve('P-256')],
    ['P-384', curve('P-384'), ['-sha384']],
    ['P-521', curve('P-521'), ['-sha512']],
    ['Ed25519', ['-algorithm', 'ED25519']],
    ['RSA', rsa(2048)],
    ['RSA with SHA-512', rsa(2048), ['-sha512']],
    ['RSA-PSS', rsa(2048), pss('sha256')],
    ['RSA-PSS with SHA-384', rsa(2048), pss('sha384')],
    ['a key of RSA-PSS', ['-algorithm', 'RSA-PSS', '-pkeyopt', 'rsa_keygen_bits:2048'], pss('sha256')],
    ['the label of older tools', curve('P-256'), ['-newhdr']],
    [
      'names and a subject',
      curve('P-256'),
      ['-subj', '/O=shop/CN=web', '-addext', 'subjectAltName=DNS:a.test,DNS:b.test'],
    ],
  ])('with %s are read', (name, key, request) =>
    expect(parseCsr(made(name.replace(/\W/g, ''), key, request))).toMatchObject({ ok: true }),
  );

  it.each<[string, string[], string[]?]>([
    ['RSA of 1024 bits', rsa(1024)],
    ['SHA-1', rsa(2048), ['-sha1']],
    ['P-224', curve('P-224')],
    ['secp256k1', curve('secp256k1')],
    ['Ed448', ['-algorithm', 'ED448']],
    ['explicit parameters', [...curve('P-256'), '-pkeyopt', 'ec_param_enc:explicit']],
    ['another salt', rsa(2048), pss('sha256', '20')],
    ['another mask', rsa(2048), pss('sha256', 'digest', 'sha384')],
    ['an exponent that costs time', [...rsa(2048), '-pkeyopt', 'rsa_keygen_pubexp:4294967297']],
  ])('with %s are refused', (name, key, request) =>
    expect(parseCsr(made(`no${name.replace(/\W/g, '')}`, key, request))).toMatchObject({ ok: false }),
  );

  it('have the name critical when they are ours, as their subject is empty', () => {
    const text = run('openssl', 'req', '-noout', '-text', '-verify', '-in', file('own.csr', own));
    expect(text).toMatch(/Subject:\s*\n/);
    expect(text).toMatch(/Subject Alternative Name: critical\s+URI:spiffe:\/\/cluster\.local\/ns\/shop\/sa\/web/);
  });
});

describe.skipIf(!hasOpenssl)('certificates', () => {
  it.each([
    ['P-384', generateKeyPairSync('ec', { namedCurve: 'secp384r1' }).privateKey],
    ['P-521', generateKeyPairSync('ec', { namedCurve: 'secp521r1' }).privateKey],
    ['RSA', generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey],
    ['Ed25519', generateKeyPairSync('ed25519').privateKey],
  ])('signed by a root with a key of %s satisfy openssl, for a key of any kind', (name, rootKey) => {
    const validity = { notBefore: Date.now() - 60_000, notAfter: Date.now() + 3_600_000 };
    const root = buildRoot(rootKey, { organization: 'x', validity, serial: randomBytes(16) });
    for (const subject of [
      generateKey(),
      generateKeyPairSync('ed25519').privateKey,
      generateKeyPairSync('ec', { namedCurve: 'secp521r1' }).privateKey,
    ]) {
      const csr = parseCsr(buildCsr(subject, identity));
      if (!csr.ok) throw new Error(csr.error);
      const leaf = buildCertificate(
        { publicKey: csr.value.publicKey, validity, serial: randomBytes(16), ...identity },
        { key: rootKey, certificate: new X509Certificate(root) },
      );
      expect(
        run('openssl', 'verify', '-x509_strict', '-CAfile', file(`${name}-root.pem`, root), file(`${name}.pem`, leaf)),
      ).toContain('OK');
      expect(run('openssl', 'x509', '-noout', '-text', '-in', `${name}.pem`)).toMatch(
        /Subject Alternative Name: critical/,
      );
    }
  });
});

describe('what is not a request', () => {
  const [info = Buffer.alloc(0), algorithm = Buffer.alloc(0), signature = Buffer.alloc(0)] = (() => {
    const read = readDer(derOf(own));
    return read.ok ? membersOf(read.value).map(({ raw }) => raw) : [];
  })();
  const nested = (depth: number): Buffer => {
    const header = (length: number): Buffer =>
      der(0x30, Buffer.alloc(length)).subarray(0, der(0x30, Buffer.alloc(length)).length - length);
    let bytes = Buffer.alloc(0);
    for (let i = 0; i < depth; i += 1) bytes = Buffer.concat([header(bytes.length), bytes]);
    return bytes;
  };
  it.each<[string, string]>([
    ['nothing', ''],
    ['no PEM', 'x'.repeat(1000)],
    ['no end', '-----BEGIN CERTIFICATE REQUEST-----\nMII'],
    ['another label', pemOf(derOf(own), 'CERTIFICATE')],
    ['a label that goes on', pemOf(derOf(own), 'CERTIFICATE REQUEST X')],
    ['two blocks', own + own],
    ['what is not base64', own.replace('M', '*')],
    ['more than a request has', own + ' '.repeat(200_000)],
    ['too many bytes', pemOf(der(0x30, Buffer.alloc(maxCsrBytes)))],
    ['bytes after it', pemOf(Buffer.concat([derOf(own), Buffer.alloc(1)]))],
    ['bytes missing', pemOf(derOf(own).subarray(0, -1))],
    [
      'an indefinite length',
      pemOf(Buffer.concat([Buffer.from('3080', 'hex'), info, algorithm, signature, Buffer.alloc(2)])),
    ],
    ['a length of 4 GB', pemOf(Buffer.from('3084ffffffff', 'hex'))],
    [
      'a length that is longer than needed',
      pemOf(
        Buffer.concat([
          Buffer.from('3083', 'hex'),
          Buffer.from([0, derOf(own).length >> 8, derOf(own).length & 0xff]),
          derOf(own).subarray(4),
        ]),
      ),
    ],
    ['a fourth part', pemOf(der(0x30, info, algorithm, signature, Buffer.from('0500', 'hex')))],
    ['no signature', pemOf(der(0x30, info, algorithm))],
    ['parts in another order', pemOf(der(0x30, algorithm, info, signature))],
    ['values in 4,000 values', pemOf(nested(4000))],
    ['10,000 values side by side', pemOf(der(0x30, ...Array.from({ length: 5000 }, () => Buffer.from('0500', 'hex'))))],
    ['a set of values', pemOf(der(0x31, info, algorithm, signature))],
    ['a signature of no bits', pemOf(der(0x30, info, algorithm, der(tag.bitString)))],
    ['an identifier without end', pemOf(der(0x30, info, der(0x30, der(tag.oid, Buffer.alloc(5000, 0x80))), signature))],
  ])('%s is refused', (_what, text) => expect(parseCsr(text).ok).toBe(false));

  it('never throws and never gives a key, whatever is changed', () => {
    const edits = fc.array(fc.tuple(fc.nat(derOf(own).length - 1), fc.nat(255), fc.nat(3)), {
      minLength: 1,
      maxLength: 6,
    });
    const publicKeys = new Set([JSON.stringify(publicKeyOf(own))]);
    fc.assert(
      fc.property(edits, (changes) => {
        let bytes = [...derOf(own)];
        for (const [at, byte, how] of changes) {
          if (how === 0) bytes[at % bytes.length] = byte;
          else if (how === 1) bytes.splice(at % bytes.length, 0, byte);
          else if (how === 2) bytes.splice(at % bytes.length, 1);
          else bytes = bytes.slice(0, at);
        }
        const text = pemOf(Uint8Array.from(bytes));
        if (parseCsr(text).ok) expect(publicKeys).toContain(JSON.stringify(publicKeyOf(text)));
      }),
      { numRuns: 2000 },
    );
    fc.assert(
      fc.property(fc.string(), fc.uint8Array({ maxLength: 400 }), (text, bytes) => {
        expect([parseCsr(text).ok, parseCsr(pemOf(bytes)).ok]).toEqual([false, false]);
      }),
    );
  });
  const publicKeyOf = (pem: string): unknown => {
    const read = parseCsr(pem);
    return read.ok ? read.value.publicKey.export({ format: 'jwk' }) : undefined;
  };
});

it('DER reads back as it was written', () => {
  const value = fc.letrec<{ value: Buffer }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.uint8Array({ maxLength: 300 }).map((bytes) => der(tag.octetString, bytes)),
      fc.array(tie('value'), { maxLength: 5 }).map((items) => der(tag.sequence, ...items)),
    ),
  })).value;
  fc.assert(
    fc.property(value, (bytes) => {
      const read = readDer(bytes);
      if (!read.ok) throw new Error(read.error);
      expect(Buffer.concat(membersOf(read.value).map(({ raw }) => raw))).toEqual(
        read.value.tag === tag.sequence ? read.value.content : Buffer.alloc(0),
      );
    }),
  );
});
