import { createPublicKey, generateKeyPairSync, randomBytes, X509Certificate } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import { buildCertificate, buildCsr, buildRoot, generateKey, keyToPem } from '@flotilla/pki';
import { requestCertificate } from '@flotilla/runtime/certificate';
import { expect, expectEqual, table, type Attack } from '../../attack.ts';
import { caOf } from '../../clients/workload.ts';
import type { Mesh } from '../../mesh/attacked-mesh.ts';
import { refusal } from './refusal.ts';

type Row = Omit<Attack, 'service' | 'kind'>;
const label = 'CERTIFICATE REQUEST';
const pem = (der: Buffer, name = label): string =>
  `-----BEGIN ${name}-----\n${der.toString('base64')}\n-----END ${name}-----\n`;
const der = (text: string): Buffer => Buffer.from(text.replace(/-----.*-----|\s/g, ''), 'base64');
const good = (): string => buildCsr(generateKey(), { uris: ['spiffe://cluster.local/ns/shop/sa/web'] });
const ask = async (mesh: Mesh, csr: string, ttlSeconds?: number): Promise<readonly string[]> =>
  requestCertificate(caOf(mesh.ca), {
    csr,
    token: await mesh.tokens.mint(),
    ...(ttlSeconds === undefined ? {} : { ttlSeconds }),
  });
const refused = (name: string, csr: () => string, more: Partial<Row> & { readonly ttlSeconds?: number } = {}): Row => {
  const { ttlSeconds, ...rest } = more;
  return {
    name,
    describe: 'a request that cannot be signed: INVALID_ARGUMENT',
    run: (mesh) => refusal(mesh, ask(mesh, csr(), ttlSeconds), [status.INVALID_ARGUMENT, status.RESOURCE_EXHAUSTED]),
    ...rest,
  };
};
/** DER values in each other. */
function nested(tag: number, depth: number): Buffer {
  let value: Buffer = Buffer.alloc(0);
  for (let i = 0; i < depth; i += 1) {
    const size = value.length;
    const head = size < 0x80 ? [tag, size] : size < 0x100 ? [tag, 0x81, size] : [tag, 0x82, size >> 8, size & 0xff];
    value = Buffer.concat([Buffer.from(head), value]);
  }
  return value;
}
const flipped = (): string => {
  const bytes = der(good());
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  return pem(bytes);
};
/** A DER value. */
function value(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const size = Buffer.alloc(5);
  size[0] = 0x84;
  size.writeUInt32BE(content.length, 1);
  return Buffer.concat([Buffer.from([tag]), content.length < 0x80 ? Buffer.from([content.length]) : size, content]);
}
const sha256WithRsa = value(0x30, Buffer.from('06092a864886f70d01010b0500', 'hex'));
/** A request for an RSA key of any size, with a signature that is none (RFC 2986, 4; RFC 8017, A.1.1). */
const rsaRequest = (modulus: Buffer, exponent: Buffer): string => {
  const key = value(0x30, value(0x02, modulus), value(0x02, exponent));
  const info = value(0x30, Buffer.from('06092a864886f70d0101010500', 'hex'));
  const bits = (content: Buffer): Buffer => value(0x03, Buffer.from([0]), content);
  const request = value(0x30, Buffer.from('020100', 'hex'), value(0x30), value(0x30, info, bits(key)), value(0xa0));
  return pem(value(0x30, request, sha256WithRsa, bits(Buffer.alloc(modulus.length - 1, 1))));
};
const odd = (bytes: number): Buffer => Buffer.concat([Buffer.from([0]), Buffer.alloc(bytes, 0xff)]);

/** A right request with a key on secp256k1, as openssl makes it. */
const foreignCurve =
  'MIG3MF8CAQAwADBWMBAGByqGSM49AgEGBSuBBAAKA0IABI6OtijkSAxgIwFVxylWWRP/ZarScJx1f3N38NnqPYmlU6KwQt2WYrqegQiyYvCUNRJGXvqdUOMLqM2NyHOZqmWgADAKBggqhkjOPQQD' +
  'AgNIADBFAiAxEeTMjdwc0oef8o9Be52M2e210nxNf1z7RHDjf/di8AIhAMUTOAacDVC/gG40VaP3XJgw2jO4PpiQc+5qO38oyuL4';

/** Certificate requests of whoever has a token. */
export const csrs = table({ service: 'citadel', kind: 'csrs' }, [
  refused('nothing', () => ''),
  refused('1 MB of random bytes', () => randomBytes(750_000).toString('base64')),
  refused('another PEM label', () => pem(der(good()), 'CERTIFICATE')),
  refused('two requests in one PEM', () => good() + good()),
  refused('a signature that does not match', flipped, { form: 'short' }),
  refused('a truncated request', () => pem(der(good()).subarray(0, 100))),
  refused('trailing bytes', () => pem(Buffer.concat([der(good()), Buffer.alloc(1000)]))),
  refused('10,000 nested sequences', () => pem(nested(0x30, 10_000))),
  refused('a length of 4 GB', () => pem(Buffer.from('3084ffffffff', 'hex'))),
  refused('an indefinite length', () => pem(Buffer.concat([Buffer.from([0x30, 0x80]), Buffer.alloc(40_000, 0x30)]))),
  refused('an object identifier with 60,000 bytes', () =>
    pem(Buffer.concat([Buffer.from([0x30, 0x82, 0xea, 0x64, 0x06, 0x82, 0xea, 0x60]), Buffer.alloc(60_000, 0xff)])),
  ),
  refused('PEM labels without an end', () => '-----BEGIN '.repeat(10_000)),
  refused(
    'a PEM header with 100,000 lines',
    () => `-----BEGIN ${label}-----\n${'a: b\n'.repeat(100_000)}-----END ${label}-----\n`,
  ),
  refused('an RSA key with 1024 bits', () =>
    buildCsr(generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey, {}),
  ),
  refused('an RSA key with 80,000 bits', () => rsaRequest(odd(10_000), Buffer.from([1, 0, 1]))),
  refused('an RSA key with 16,384 bits and an exponent of the same length', () => rsaRequest(odd(2048), odd(2047))),
  refused('an RSA key with modulus zero', () => rsaRequest(Buffer.alloc(257), Buffer.from([1, 0, 1]))),
  refused('an RSA key with an even modulus', () =>
    rsaRequest(Buffer.concat([odd(255), Buffer.from([0xfe])]), Buffer.from([2])),
  ),
  refused('10,000 names', () =>
    buildCsr(generateKey(), { dns: Array.from({ length: 10_000 }, (_, i) => `n${i}.test`) }),
  ),
  refused('a curve that is not accepted', () => pem(Buffer.from(foreignCurve, 'base64'))),
  refused('a lifetime of ten years', good, {
    ttlSeconds: 315_360_000,
    describe: 'longer than allowed: INVALID_ARGUMENT',
  }),
  refused('a lifetime of 2^62 s', good, { ttlSeconds: 2 ** 62, describe: 'longer than allowed: INVALID_ARGUMENT' }),
  {
    name: 'names of other workloads',
    describe:
      "a request for other identities and for a CA: the certificate has only the caller's identity and is not a CA",
    form: 'short',
    run: async (mesh) => {
      const csr = buildCsr(generateKey(), {
        uris: ['spiffe://cluster.local/ns/istio-system/sa/istiod', 'spiffe://evil/ns/a/sa/b'],
        dns: ['istiod.istio-system.svc', '*'],
      });
      const [leaf = ''] = await ask(mesh, csr);
      const certificate = new X509Certificate(leaf);
      expectEqual('the only name', certificate.subjectAltName, 'URI:spiffe://cluster.local/ns/shop/sa/web');
      expect('not a CA', 'a CA', !certificate.ca);
    },
  },
  {
    name: 'a negative lifetime',
    describe: 'a lifetime below zero: the default lifetime',
    run: async (mesh) => {
      const [leaf = ''] = await ask(mesh, good(), -1000);
      const { validFromDate, validToDate } = new X509Certificate(leaf);
      expect(
        'an end after its beginning and after now',
        `${validFromDate.toISOString()} to ${validToDate.toISOString()}`,
        validToDate > validFromDate && validToDate.getTime() > Date.now(),
      );
    },
  },
  {
    name: '400 requests of one workload',
    describe: 'requests as fast as possible: other clients are served',
    deadlineMs: 60_000,
    form: 'short',
    run: async (mesh) => {
      const token = await mesh.tokens.mint({ serviceAccount: 'greedy' });
      const csr = good();
      for (let i = 0; i < 400; i += 50)
        await Promise.all(
          Array.from({ length: 50 }, () => requestCertificate(caOf(mesh.ca), { csr, token }).catch(() => [])),
        );
    },
  },
]);

/** Certificates that prove nothing to citadel. */
const foreign = (
  name: string,
  {
    validity = { notBefore: Date.now() - 60_000, notAfter: Date.now() + 60_000 },
    uris = ['spiffe://cluster.local/ns/shop/sa/web'],
    isOwnRoot = false,
  }: {
    readonly validity?: { readonly notBefore: number; readonly notAfter: number };
    readonly uris?: readonly string[];
    readonly isOwnRoot?: boolean;
  },
): Row => ({
  name,
  describe: 'a client certificate that does not belong to the mesh: UNAUTHENTICATED or no connection',
  run: (mesh) => {
    const [rootKey, key] = [generateKey(), generateKey()];
    const root = buildRoot(rootKey, { organization: 'cluster.local', validity, serial: randomBytes(16) });
    const cert = isOwnRoot
      ? root
      : buildCertificate(
          { publicKey: createPublicKey(key), validity, serial: randomBytes(16), uris },
          { key: rootKey, certificate: new X509Certificate(root) },
        );
    return refusal(
      mesh,
      requestCertificate(
        { ...caOf(mesh.ca), certificate: { key: keyToPem(isOwnRoot ? rootKey : key), cert } },
        { csr: good() },
      ),
      [status.UNAUTHENTICATED, status.UNAVAILABLE],
    );
  },
});
export const certificates = table({ service: 'citadel', kind: 'certificates' }, [
  foreign('another CA', {}),
  foreign('another CA, expired', { validity: { notBefore: 1_000_000_000_000, notAfter: 1_000_000_060_000 } }),
  foreign('a self-signed certificate', { isOwnRoot: true }),
  foreign('two identities', {
    uris: ['spiffe://cluster.local/ns/shop/sa/web', 'spiffe://cluster.local/ns/istio-system/sa/istiod'],
  }),
  foreign('another trust domain', { uris: ['spiffe://evil/ns/shop/sa/web'] }),
  {
    name: 'a workload that renews as another',
    describe: "a workload's certificate with a request for istiod: a certificate for the workload",
    run: async (mesh) => {
      const { key, cert } = await mesh.certificate();
      const [leaf = ''] = await requestCertificate(
        { ...caOf(mesh.ca), certificate: { key, cert } },
        { csr: buildCsr(generateKey(), { uris: ['spiffe://cluster.local/ns/istio-system/sa/istiod'] }) },
      );
      expectEqual(
        'the only name',
        new X509Certificate(leaf).subjectAltName,
        'URI:spiffe://cluster.local/ns/shop/sa/web',
      );
    },
  },
]);
