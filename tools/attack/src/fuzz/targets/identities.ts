import { verifyServiceAccountToken } from '@flotilla/citadel-identity';
import { buildCsr, generateKey, parseCsr } from '@flotilla/pki';
import { systemClock } from '@flotilla/std';
import { createTokenMint, issuer } from '@flotilla/testing/token-mint';
import type { Random } from '../../random.ts';
import { inOrder, json, number, oneOf, word } from '../grammar.ts';
import type { FuzzTarget } from '../target.ts';

const requests = ['spiffe://cluster.local/ns/shop/sa/web', '', 'x'.repeat(300)].map((uri) =>
  buildCsr(generateKey(), uri === '' ? {} : { uris: [uri], dns: ['a.test'] }),
);
const derOf = (pem: string): Buffer => Buffer.from(pem.replace(/-----.*-----|\s/g, ''), 'base64');
const pemOf = (der: Buffer): string =>
  `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;

/** Certificate requests: PEM, or DER that becomes PEM, so that changes reach what is inside. */
export const csrs: FuzzTarget = {
  name: 'csrs',
  generate(random) {
    const pem = requests[random.below(requests.length)] ?? '';
    return random.below(3) === 0 ? pem : derOf(pem);
  },
  words: [
    '-----BEGIN CERTIFICATE REQUEST-----',
    '-----END CERTIFICATE REQUEST-----',
    '\x30\x80',
    '\x30\x84\xff\xff\xff\xff',
    '\x06\x01',
    '\xa0\x00',
  ],
  read: (input) => parseCsr(input.subarray(0, 5).toString() === '-----' ? input.toString('utf8') : pemOf(input)),
};

const mint = await createTokenMint();
const keys = JSON.parse(mint.jwks) as { keys: object[] };
const known = await Promise.all(
  [{}, { expires: -5 }, { isForged: true }, { audience: ['istio-ca', 'api'] }].map((claims) => mint.mint(claims)),
);
const base64 = (text: string): string => Buffer.from(text).toString('base64url');
const header = oneOf(
  '{"alg":"ES256","kid":"cluster"}',
  '{"alg":"none"}',
  '{"alg":"HS256"}',
  '{"alg":"ES256","b64":false,"crit":["b64"]}',
  '{"alg":"ES256","jwk":{"kty":"EC"}}',
  json(2),
);
const payload = oneOf(
  inOrder('{"iss":"', issuer, '","aud":"istio-ca","sub":"', word, '","exp":', number, '}'),
  json(4),
);
const made = (random: Random): string =>
  `${base64(header(random))}.${base64(payload(random))}.${random.bytes(random.below(80)).toString('base64url')}`;

/** Service account tokens. */
export const tokens: FuzzTarget = {
  name: 'tokens',
  generate: (random) => (random.below(2) === 0 ? made(random) : (known[random.below(known.length)] ?? '')),
  words: ['.', '..', 'eyJhbGciOiJub25lIn0', '=', base64('{"exp":1e999}')],
  async read(input) {
    const result = await verifyServiceAccountToken(input.toString('utf8'), {
      issuer,
      audience: 'istio-ca',
      trustDomain: 'cluster.local',
      clock: systemClock,
      keys: () => keys as never,
    });
    if (result.ok && !known.includes(input.toString('utf8')))
      throw new Error(`a token that nobody made proves ${JSON.stringify(result.value)}`);
    return result;
  },
};
