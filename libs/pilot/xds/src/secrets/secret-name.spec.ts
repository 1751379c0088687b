import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseSecretName } from './secret-name.ts';

it("a secret's name is one of three forms", () => {
  expect(parseSecretName('kubernetes://web')).toEqual({ kind: 'kubernetes', name: 'web' });
  expect(parseSecretName('kubernetes://shop/web.example.com-cacert')).toEqual({
    kind: 'kubernetes',
    namespace: 'shop',
    name: 'web.example.com-cacert',
  });
  expect(parseSecretName('kubernetes-gateway://shop/web')).toEqual({
    kind: 'kubernetes-gateway',
    namespace: 'shop',
    name: 'web',
  });
});

it.each([
  '',
  'web',
  'default',
  'kubernetes',
  'kubernetes:',
  'kubernetes:/web',
  'kubernetes://',
  'kubernetes:///',
  'kubernetes:///web',
  'kubernetes://shop/',
  'kubernetes://shop//web',
  'kubernetes://shop/web/',
  'kubernetes:////shop/web',
  'kubernetes://a/shop/web',
  'kubernetes://../shop/web',
  'kubernetes://shop/../web',
  'kubernetes://..',
  'kubernetes://.',
  'kubernetes://shop/.',
  'kubernetes://shop/..',
  'kubernetes://we..b',
  'kubernetes://.web',
  'kubernetes://web.',
  'kubernetes://shop/web%2Fx',
  'kubernetes://shop%2Fweb',
  'kubernetes://Shop/web',
  'kubernetes://shop/Web',
  'KUBERNETES://web',
  'Kubernetes://web',
  'kubernetes://shop/w\u00e9b',
  'kubernetes://shop/\uff57eb',
  'kubernetes://shop/web\0',
  'kubernetes://shop\0/web',
  'kubernetes://shop/web\n',
  ' kubernetes://web',
  'kubernetes://web ',
  'kubernetes:// web',
  'kubernetes://-web',
  'kubernetes://web-',
  'kubernetes://web_',
  'kubernetes://shop.x/web',
  'kubernetes://shop\\web',
  'kubernetes://shop/web?x',
  'kubernetes://shop/web#x',
  'kubernetes://user@shop/web',
  'kubernetes://shop:1/web',
  'kubernetes://kubernetes://web',
  'kubernetes-gateway://web',
  'kubernetes-gateway:///web',
  'kubernetes-gateway://shop/',
  'kubernetes-gateway://shop/a/b',
  'kubernetes-gateway-x://shop/web',
  'builtin://',
  'sds://web',
  'file-cert:/etc/key',
  `kubernetes://${'a'.repeat(254)}`,
  `kubernetes://${'a'.repeat(64)}/web`,
  `kubernetes://${'a.'.repeat(1_000_000)}`,
])('%j is not one', (text) => expect(parseSecretName(text)).toBeUndefined());

it('what is read as a name is written back the same, so no two spellings mean one Secret to one caller', () => {
  const piece = fc.constantFrom(
    'kubernetes',
    '-gateway',
    '://',
    '/',
    '//',
    '..',
    '.',
    '-',
    'shop',
    'web',
    'WEB',
    '%2f',
    '\0',
    '-cacert',
    '\u00e9',
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join('')),
      ),
      (text) => {
        const parsed = parseSecretName(text);
        if (parsed)
          expect(`${parsed.kind}://${parsed.namespace === undefined ? '' : `${parsed.namespace}/`}${parsed.name}`).toBe(
            text,
          );
      },
    ),
    { numRuns: 2000 },
  );
});
