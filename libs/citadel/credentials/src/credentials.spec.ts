import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readSecret, SecretFiles, type SecretFile } from './index.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const secret = (name: string, data: Record<string, string>, rest: object = {}): unknown =>
  ({ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: 'shop' }, data: Object.fromEntries(Object.entries(data).map(([key, text]) => [key, base64(text)])), ...rest });
const textOf = (value: unknown): unknown => {
  const read = readSecret(value);
  if (!read?.ok) return read?.error.message;
  return [read.value.key, Object.fromEntries(Object.entries(read.value.credential).map(([part, bytes]) => [part, Buffer.from(bytes as Uint8Array).toString()]))];
};

describe('the credential in a Secret', () => {
  it.each([
    ['of type kubernetes.io/tls', { 'tls.crt': 'C', 'tls.key': 'K', 'ca.crt': 'R' }, { certificate: 'C', key: 'K', roots: 'R' }],
    ['generic', { cert: 'C', key: 'K', cacert: 'R', crl: 'L' }, { certificate: 'C', key: 'K', roots: 'R', revoked: 'L' }],
    ['with both forms: the generic pair wins', { 'cert': 'C', 'key': 'K', 'tls.crt': 'c', 'tls.key': 'k' }, { certificate: 'C', key: 'K' }],
    ['with an empty certificate: the other pair counts', { 'cert': '', 'key': 'K', 'tls.crt': 'c', 'tls.key': 'k' }, { certificate: 'c', key: 'k' }],
    ['with roots alone', { cacert: 'R' }, { roots: 'R' }],
  ])('%s', (_what, data, expected) => expect(textOf(secret('s', data))).toEqual(['shop/s', expected]));

  it('is none for Secrets of other uses and for what is no Secret', () => {
    for (const value of [secret('s', { password: 'x' }), secret('s', { 'tls.crt': 'C' }), { ...secret('s', { cert: 'C', key: 'K' }) as object, kind: 'ConfigMap' }, null, 7, { kind: 'Secret' }]) expect(readSecret(value)).toBeUndefined();
  });

  it('is refused without repeating what is in it', () => {
    expect(textOf({ ...secret('s', {}) as object, data: { cert: 'top secret!' } })).toBe('data["cert"] is not base64');
    expect(textOf({ ...secret('s', {}) as object, stringData: { cert: 7 } })).toBe('stringData["cert"] is no text');
    expect(textOf(secret('s', { cert: 'x'.repeat(1024 * 1024), key: 'y' }))).toBe('holds more than 1048576 bytes');
  });

  it('never throws, whatever it is given', () => {
    fc.assert(fc.property(fc.anything(), fc.anything(), (data, stringData) => void readSecret({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'x' }, data, stringData })));
  });
});

describe('Secrets in files', () => {
  const file = (path: string, ...values: unknown[]): SecretFile => ({ path, documents: values.map((value) => ({ value })) });
  const pair = (name: string, version: string): unknown => secret(name, { cert: version, key: version });
  const told = ({ update }: ReturnType<SecretFiles['apply']>) => ({ put: [...update.put].map(([key, { certificate }]) => `${key} ${Buffer.from(certificate ?? []).toString()}`).sort(), delete: update.delete });

  it('are told when they differ, and when they are gone', () => {
    const files = new SecretFiles();
    expect(told(files.apply([file('a', pair('x', '1'), pair('y', '1'))]))).toEqual({ put: ['shop/x 1', 'shop/y 1'], delete: [] });
    expect(told(files.apply([file('a', pair('x', '1'), pair('y', '2'))]))).toEqual({ put: ['shop/y 2'], delete: [] });
    expect(told(files.apply([{ path: 'a' }]))).toEqual({ put: [], delete: ['shop/x', 'shop/y'] });
  });

  it('keep their last good version while a file or a Secret in it is broken', () => {
    const files = new SecretFiles();
    files.apply([file('a', pair('x', '1'))]);
    const broken = { code: 'yaml-syntax', level: 'error', message: 'no YAML' } as const;
    expect(files.apply([{ path: 'a', documents: [{ problem: broken }] }])).toMatchObject({ update: { delete: [] }, problems: [{ message: 'no YAML', origin: 'a#1' }] });
    const wrong = files.apply([file('a', { ...secret('x', {}) as object, data: { cert: '!' } })]);
    expect([told(wrong), wrong.problems.map(({ resource }) => resource)]).toEqual([{ put: [], delete: [] }, ['secrets shop/x']]);
  });

  it('of one name in two files: the first by path counts, then the other', () => {
    const files = new SecretFiles();
    expect(told(files.apply([file('b', pair('x', 'b')), file('a', pair('x', 'a'))])).put).toEqual(['shop/x a']);
    expect(told(files.apply([{ path: 'a' }]))).toEqual({ put: ['shop/x b'], delete: [] });
  });
});
