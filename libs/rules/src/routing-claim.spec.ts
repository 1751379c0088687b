import fc from 'fast-check';
import { expect, it } from 'vitest';
import { routingClaim } from './routing-claim.ts';

it.each([
  ['@request.auth.claims.group', ['group']],
  ['@request.AUTH.claims.Group', ['Group']],
  ['@request.auth.claims.a.b', ['a', 'b']],
  ['@request.auth.claims.a[b]', ['a[b]']],
  ['@request.auth.claims[a]', ['a']],
  ['@request.auth.claims[a.b][c]', ['a.b', 'c']],
  ['@request.auth.claims[a]b[c]', ['a]b[c']],
])('%s means a claim', (name, path) => expect(routingClaim(name)).toEqual(path));

it.each([
  '@request.auth.claims',
  '@request.auth.claims.',
  '@request.auth.claims[]',
  '@request.auth.claims[a',
  '@request.auth.claims-a',
  'x@request.auth.claims.a',
  'x-claims',
  '',
])('%j is a header', (name) => expect(routingClaim(name)).toBeUndefined());

it('reads back what is written in brackets', () => {
  fc.assert(
    fc.property(fc.array(fc.stringMatching(/^[^[\]]+$/), { minLength: 1 }), (path) => {
      expect(routingClaim(`@request.auth.claims[${path.join('][')}]`)).toEqual(path);
    }),
  );
});
