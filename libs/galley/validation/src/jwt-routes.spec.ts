import { expect, it } from 'vitest';
import { parseResource } from '@flotilla/model';
import { validate } from './index.ts';

/** What is said of a VirtualService that matches by a header for some gateways. */
function messages(gateways: readonly string[] | undefined, match: object): string[] {
  const parsed = parseResource({
    apiVersion: 'networking.istio.io/v1beta1',
    kind: 'VirtualService',
    metadata: { name: 'web', namespace: 'shop' },
    spec: {
      hosts: ['web.test'],
      ...(gateways ? { gateways } : {}),
      http: [{ match: [match], route: [{ destination: { host: 'web' } }] }],
    },
  });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  return validate(parsed.value.resource).map(({ message }) => message);
}
const claim = (name: string): object => ({ headers: { [name]: { exact: 'x' } } });

it('a claim can be asked for where a gateway is named, also beside the mesh', () => {
  expect(messages(['edge/main'], claim('@request.auth.claims.a'))).toEqual([]);
  expect(messages(['edge/main', 'mesh'], { withoutHeaders: { '@request.auth.claims[a][b]': {} } })).toEqual([]);
});

it.each([
  [['mesh'], '@request.auth.claims.a'],
  [undefined, '@request.AUTH.claims[a]'],
])('gateways %j: a claim can not be asked for', (gateways, name) => {
  expect(messages(gateways, claim(name))).toEqual([
    `JWT claim based routing (key: ${name}) is only supported for gateway, found no gateways: [${(gateways ?? []).join(' ')}]`,
  ]);
});

it('what only looks like a claim is a header', () => {
  expect(messages(['mesh'], claim('@request.auth.claims'))).toEqual([]);
});
