import { status, type ServiceError } from '@grpc/grpc-js';
import { expect, table, type Attack } from '../../attack.ts';
import type { Claims } from '@flotilla/testing/token-mint';
import { certificateFor } from '../../clients/workload.ts';
import type { Mesh } from '../../mesh/attacked-mesh.ts';
import { forgery } from '../../suite/judge.ts';
import { refusal } from './refusal.ts';

type Row = Omit<Attack, 'service' | 'kind'>;
/** A certificate is refused to whoever shows this, as UNAUTHENTICATED. */
const refused = (name: string, token: (mesh: Mesh) => Promise<string> | string, more: Partial<Row> = {}): Row => ({
  name,
  describe: 'an invalid token: UNAUTHENTICATED, and no certificate',
  run: async (mesh) => refusal(mesh, certificateFor(mesh.ca, await token(mesh)), [status.UNAUTHENTICATED]),
  ...more,
});
const claims = (name: string, given: Claims, more: Partial<Row> = {}): Row =>
  refused(name, (mesh) => mesh.tokens.mint(given), more);
const base64 = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const payload = {
  iss: 'https://kubernetes.default.svc.cluster.local',
  aud: 'istio-ca',
  sub: 'system:serviceaccount:istio-system:istiod',
  exp: 4_000_000_000,
};
const unsigned = (header: object, signature = ''): string => `${base64(header)}.${base64(payload)}.${signature}`;
/** A token that is right, with one part changed. */
const changed =
  (change: (parts: string[]) => string) =>
  async (mesh: Mesh): Promise<string> =>
    change((await mesh.tokens.mint()).split('.'));

const nested = (levels: number): unknown => {
  let value: unknown = 'x';
  for (let i = 0; i < levels; i += 1) value = { a: value };
  return value;
};

export const tokens = table({ service: 'citadel', kind: 'tokens' }, [
  claims('a signature by another key', { isForged: true }, { form: 'quick' }),
  claims('another audience', { audience: 'api' }),
  claims('many audiences, none of them istio-ca', { audience: Array.from({ length: 500 }, (_, i) => `a${i}`) }),
  claims('another issuer', { issuer: 'https://evil.test' }),
  claims('expired long ago', { expires: -1_000_000 }),
  claims('not valid yet', { notBefore: 3600 }),
  claims('no expiry', { expires: 'never' }),
  claims('a subject that is not a service account', { subject: 'alice' }),
  claims('a subject with slashes and dots', { subject: 'system:serviceaccount:a/sa/b:c', kubernetes: 0 }),
  claims('a subject with a line break', { subject: `system:serviceaccount:shop:web\n${forgery}`, kubernetes: 0 }),
  claims('a subject with percent signs', { subject: 'system:serviceaccount:shop%2F:web', kubernetes: 0 }),
  claims('a namespace in capitals', { namespace: 'SHOP' }),
  claims('a subject with 10,000 characters', {
    subject: `system:serviceaccount:shop:${'a'.repeat(10_000)}`,
    kubernetes: 0,
  }),
  claims('two different service accounts', { kubernetes: { namespace: 'shop', serviceaccount: { name: 'other' } } }),
  claims('__proto__ as the issuer', { issuer: '__proto__', kubernetes: { ['__proto__']: 1 } }),
  claims('a key id with slashes and dots', { header: { kid: '../../../../etc/passwd' } }),
  claims('__proto__ as the key id', { header: { kid: '__proto__' } }),
  claims('a key id with 12,000 characters', { header: { kid: 'k'.repeat(12_000) } }),
  claims('a key id that is a list', { header: { kid: ['cluster'] as unknown as string } }),
  claims('claims with 1,500 levels', { kubernetes: nested(1500) }),
  claims('10 kB of unknown claims', {
    kubernetes: Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`k${i}`, i])),
    subject: 'alice',
  }),
  claims('claims named __proto__', {
    kubernetes: { ['__proto__']: { namespace: 'istio-system', serviceaccount: { name: 'galley' } } },
    subject: 'alice',
  }),
  claims('an infinite expiry', { expires: 1e300, subject: 'alice' }),
  claims('a key in the header', {
    isForged: true,
    header: { jwk: { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' }, kid: undefined },
  }),
  claims('a key set URL in the header', {
    isForged: true,
    header: { jku: 'http://127.0.0.1:1/jwks', x5u: 'http://127.0.0.1:1/x' },
  }),
  claims('an unknown critical header', { critical: ['exp-only'], header: { 'exp-only': true } }),
  refused('no algorithm', () => unsigned({ alg: 'none' })),
  refused('no algorithm, in capitals', () => unsigned({ alg: 'NONE', typ: 'JWT' })),
  refused('an HMAC with the public key as its secret', () =>
    unsigned({ alg: 'HS256', kid: 'cluster' }, base64('x'.repeat(32))),
  ),
  refused('an algorithm that is an object', () => unsigned({ alg: { a: 1 }, kid: ['cluster'] })),
  refused('a signature of zeros', () =>
    unsigned({ alg: 'ES256', kid: 'cluster' }, Buffer.alloc(64).toString('base64url')),
  ),
  refused(
    'another payload under a valid signature',
    changed(([header = '', , signature = '']) => `${header}.${base64(payload)}.${signature}`),
    { form: 'short' },
  ),
  refused(
    'a signature with one flipped bit',
    changed(
      ([header = '', body = '', signature = '']) =>
        `${header}.${body}.${signature.slice(0, -2)}${signature.endsWith('AA') ? 'BA' : 'AA'}`,
    ),
  ),
  refused('a compressed token', () => unsigned({ alg: 'ES256', kid: 'cluster', zip: 'DEF' }, 'AAAA')),
  refused(
    'an encrypted token of five parts',
    () => `${base64({ alg: 'dir', enc: 'A256GCM' })}..${'A'.repeat(16)}.AAAA.AAAA`,
  ),
  refused('a payload that is not encoded', () =>
    unsigned({ alg: 'ES256', kid: 'cluster', b64: false, crit: ['b64'] }, 'AAAA'),
  ),
  refused('empty parts', () => '..'),
  refused('10,000 dots', () => '.'.repeat(10_000)),
  refused('JSON with 5,000 brackets', () => `${base64('['.repeat(5000))}.${base64('{"a":'.repeat(1000))}.x`),
  refused('a guessed bootstrap token', (mesh) => mesh.random.bytes(32).toString('base64url')),
  refused('an empty bootstrap token', () => ' '),
  {
    name: 'a 1 MB token',
    describe: 'a huge header: refused, other clients are served',
    run: (mesh) =>
      refusal(mesh, certificateFor(mesh.ca, 'a.'.repeat(500_000)), [
        status.UNAUTHENTICATED,
        status.RESOURCE_EXHAUSTED,
        status.INTERNAL,
        status.UNAVAILABLE,
        status.CANCELLED,
      ]),
  },
  {
    name: '600 guesses',
    describe:
      'bootstrap tokens guessed as fast as possible: all refused, other clients are served, the log stays small',
    form: 'short',
    deadlineMs: 60_000,
    run: async (mesh) => {
      for (let i = 0; i < 600; i += 50) {
        const results = await Promise.all(
          Array.from({ length: 50 }, () =>
            certificateFor(mesh.ca, mesh.random.bytes(32).toString('base64url')).then(
              () => 'a certificate',
              (error: ServiceError) => error.code,
            ),
          ),
        );
        expect('no certificate', 'a certificate', !results.includes('a certificate'));
      }
    },
  },
]);
