import { createPublicKey, X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CredentialUpdate } from '@flotilla/model';
import { buildCertificate, buildRoot, generateKey, keyToPem } from '@flotilla/pki';
import { createCredentialHub, createReaderList, readSecret, SecretFiles, secretsIn, type SecretFile } from './index.ts';

const validity = { notBefore: Date.UTC(2026, 0, 1), notAfter: Date.UTC(2027, 0, 1) };
const rootKey = generateKey();
const root = buildRoot(rootKey, { organization: 'test', validity, serial: Buffer.alloc(16, 1) });
const makePair = (): { cert: string; key: string } => {
  const key = generateKey();
  return {
    cert: buildCertificate(
      { publicKey: createPublicKey(key), validity, serial: Buffer.alloc(16, 2), dns: ['a.test'] },
      { key: rootKey, certificate: new X509Certificate(root) },
    ),
    key: keyToPem(key),
  };
};
const [one, two] = [makePair(), makePair()];
const crl = '-----BEGIN X509 CRL-----\nMA==\n-----END X509 CRL-----\n';
const names = new Map([
  [one.cert, 'C1'],
  [one.key, 'K1'],
  [two.cert, 'C2'],
  [two.key, 'K2'],
  [root, 'R'],
  [crl, 'L'],
]);

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const secret = (name: string, data: Record<string, string>, rest: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name, namespace: 'shop' },
  data: Object.fromEntries(Object.entries(data).map(([key, text]) => [key, base64(text)])),
  ...rest,
});
/** The parts of its credential by their short names, or what is wrong; undefined for none. */
const read = (value: unknown): unknown => {
  const [found] = secretsIn(value).map(readSecret);
  if (!found?.read) return undefined;
  if (!found.read.ok) return found.read.error.message;
  return Object.fromEntries(
    Object.entries(found.read.value).map(([part, bytes]) => [
      part,
      names.get(Buffer.from(bytes as Uint8Array).toString()) ?? Buffer.from(bytes as Uint8Array).toString(),
    ]),
  );
};

describe('the credential in a Secret', () => {
  it.each([
    [
      'of type kubernetes.io/tls',
      { 'tls.crt': one.cert, 'tls.key': one.key, 'ca.crt': root, 'tls.ocsp-staple': 'S' },
      { certificate: 'C1', key: 'K1', staple: 'S', roots: 'R' },
    ],
    [
      'generic',
      { cert: one.cert, key: one.key, cacert: root, crl },
      { certificate: 'C1', key: 'K1', roots: 'R', revoked: 'L' },
    ],
    [
      'with both forms: the generic pair wins',
      { cert: one.cert, key: one.key, 'tls.crt': two.cert, 'tls.key': two.key, 'tls.ocsp-staple': 'S' },
      { certificate: 'C1', key: 'K1' },
    ],
    [
      'with half of one form and the other whole',
      { cert: '', key: one.key, 'tls.crt': two.cert, 'tls.key': two.key },
      { certificate: 'C2', key: 'K2' },
    ],
    ['with roots alone', { cacert: root }, { roots: 'R' }],
    ['with the roots of one form and the list of the other', { cacert: root, 'ca.crl': crl }, { roots: 'R' }],
  ])('%s', (_what, data, expected) => expect(read(secret('s', data))).toEqual(expected));

  it('is absent from Secrets of other uses and from objects of other kinds', () => {
    for (const value of [
      secret('s', { password: 'x' }),
      secret('s', { key: 'x' }),
      secret('token', { 'ca.crt': root }, { type: 'kubernetes.io/service-account-token' }),
      { ...secret('s', { cert: 'C', key: 'K' }), kind: 'ConfigMap' },
      null,
      7,
      { kind: 'Secret' },
    ])
      expect(read(value)).toBeUndefined();
  });

  it.each([
    [
      'an empty pair',
      secret('s', { 'tls.crt': '', 'tls.key': '' }),
      'found keys "tls.crt" and "tls.key", but they were empty',
    ],
    [
      'a certificate without key',
      secret('s', { cert: one.cert }),
      "found secret, but didn't have expected keys (cert and key) or (tls.crt and tls.key); found: cert",
    ],
    [
      'none of them in one for TLS',
      secret('s', { a: '', b: '', c: '', d: '' }, { type: 'kubernetes.io/tls' }),
      "found secret, but didn't have expected keys (cert and key) or (tls.crt and tls.key); found: a, b, c, and 1 more...",
    ],
    [
      'no roots in one for roots',
      secret('s-cacert', { x: '' }),
      "found secret, but didn't have expected keys cacert or ca.crt; found: x",
    ],
    ['empty roots', secret('s', { 'ca.crt': '' }), 'found key "ca.crt", but it was empty'],
    [
      'text for a certificate',
      secret('s', { cert: 'top secret', key: one.key }),
      'its certificate is no PEM certificate',
    ],
    ['text for a key', secret('s', { cert: one.cert, key: 'top secret' }), 'its key is no PEM private key'],
    [
      'the key of another certificate',
      secret('s', { cert: one.cert, key: two.key }),
      'its key does not belong to its certificate',
    ],
    ['text for roots', secret('s', { cacert: 'top secret' }), 'its CA certificate is no PEM certificate'],
    [
      'text for a revocation list',
      secret('s', { cacert: root, crl: 'top secret' }),
      'its revocation list is no PEM X509 CRL',
    ],
    ['what is not base64', { ...secret('s', {}), data: { cert: 'top secret!' } }, 'data["cert"] is not base64'],
    ['a number', { ...secret('s', {}), stringData: { cert: 7 } }, 'stringData["cert"] is not a string'],
    [
      'more than the API server takes',
      secret('s', { cert: 'x'.repeat(1024 * 1024), key: 'y' }),
      'holds more than 1048576 bytes',
    ],
  ])('is refused for %s, without repeating what is in it', (_what, value, message) =>
    expect(read(value)).toBe(message),
  );

  it('stands in a list too, and without data', () => {
    expect(
      secretsIn({ kind: 'List', items: [secret('a', {}), null, secret('b', {})] }).map(({ name }) => name),
    ).toEqual(['a', 'b']);
    expect(read({ ...secret('s', {}), data: null, stringData: one })).toEqual({ certificate: 'C1', key: 'K1' });
  });

  it('never throws, whatever it is given', () => {
    fc.assert(
      fc.property(
        fc.anything(),
        fc.anything(),
        (data, stringData) =>
          void read({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'x' }, data, stringData }),
      ),
    );
    fc.assert(
      fc.property(
        fc.uint8Array(),
        fc.uint8Array(),
        (cert, key) =>
          void read({
            ...secret('s', {}),
            data: { cert: Buffer.from(cert).toString('base64'), key: Buffer.from(key).toString('base64') },
          }),
      ),
    );
  });
});

describe('Secrets in files', () => {
  const file = (path: string, ...values: unknown[]): SecretFile => ({
    path,
    documents: values.map((value) => ({ value })),
  });
  const summary = ({ update }: ReturnType<SecretFiles['apply']>) => ({
    put: [...update.put]
      .map(([key, { certificate }]) => `${key} ${names.get(Buffer.from(certificate ?? []).toString())}`)
      .sort(),
    delete: update.delete,
  });
  const [x1, x2, y1, y2] = [secret('x', one), secret('x', two), secret('y', one), secret('y', two)];

  it('are reported when they differ, and when they are gone', () => {
    const files = new SecretFiles();
    expect(summary(files.apply([file('a', x1, y1)]))).toEqual({ put: ['shop/x C1', 'shop/y C1'], delete: [] });
    expect(summary(files.apply([file('a', x1, y2)]))).toEqual({ put: ['shop/y C2'], delete: [] });
    expect(summary(files.apply([{ path: 'a' }]))).toEqual({ put: [], delete: ['shop/x', 'shop/y'] });
  });

  it('of files that a source which starts over no longer has are gone', () => {
    const files = new SecretFiles();
    files.apply([file('a', x1), file('b', y1)]);
    const found = [file('b', y1)];
    expect(summary(files.apply([...files.missingFrom(found), ...found]))).toEqual({ put: [], delete: ['shop/x'] });
  });

  it('keep their last good version while a file or a Secret in it is broken', () => {
    const files = new SecretFiles();
    files.apply([file('a', x1)]);
    const broken = {
      code: 'yaml-syntax',
      level: 'error',
      message: 'Unresolved alias: top secret at line 3, column 4:',
    } as const;
    expect(files.apply([{ path: 'a', documents: [{ problem: broken }] }])).toMatchObject({
      update: { delete: [] },
      problems: [{ message: 'a document is not YAML at line 3, column 4', origin: 'a#1' }],
    });
    const wrong = files.apply([file('a', secret('x', { cert: one.cert, key: two.key }))]);
    expect([summary(wrong), wrong.problems.map(({ resource }) => resource)]).toEqual([
      { put: [], delete: [] },
      ['secrets shop/x'],
    ]);
  });

  it('named for roots that cannot be used are there, so that those beside the certificate are not used', async () => {
    const files = new SecretFiles();
    const hub = createCredentialHub({ access: createReaderList(['shop/gateway']) });
    const subscription = hub.subscribe(AbortSignal.timeout(60_000));
    subscription.addReader('shop/gateway');
    const updates = subscription[Symbol.asyncIterator]();
    const rootsOf = async (...values: unknown[]): Promise<unknown> => {
      hub.update(files.apply([file('a', ...values)]).update);
      subscription.add('shop/s-cacert');
      const { value } = (await updates.next()) as { value: CredentialUpdate };
      const found = value.put.get('shop/s-cacert');
      return found ? names.get(Buffer.from(found.roots ?? []).toString()) : value.delete;
    };
    const whole = secret('s', { ...one, cacert: root });
    expect(await rootsOf(whole)).toBe('R');
    const unusable: Record<string, string>[] = [{}, { cacert: '' }, { cacert: 'top secret' }, one];
    for (const data of unusable) expect(await rootsOf(whole, secret('s-cacert', data))).toEqual(['shop/s-cacert']);
    expect(await rootsOf(whole)).toBe('R');
  });

  it('of one name: the first applies, in a file and by path; the other when that is gone, and both are reported', () => {
    const files = new SecretFiles();
    expect(summary(files.apply([file('b', x2), file('a', x1)])).put).toEqual(['shop/x C1']);
    expect(files.apply([file('b', x2)]).problems).toMatchObject([
      { code: 'duplicate', origin: 'b', message: 'Secret shop/x is already in a, which applies' },
    ]);
    expect(summary(files.apply([{ path: 'a' }]))).toEqual({ put: ['shop/x C2'], delete: [] });
    const twice = files.apply([file('b', x1, x2)]);
    expect([summary(twice).put, twice.problems]).toMatchObject([['shop/x C1'], [{ code: 'duplicate', origin: 'b#2' }]]);
  });
});
