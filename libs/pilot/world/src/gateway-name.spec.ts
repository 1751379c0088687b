import { expect, it } from 'vitest';
import { resolveGateway } from './gateway-name.ts';

it.each([
  ['mesh', 'mesh'],
  ['gw', 'own/gw'],
  ['./gw', 'own/gw'],
  ['other/gw', 'other/gw'],
  ['gw.other', 'other/gw'],
  ['gw.other.svc.cluster.local', 'other/gw'],
])('a VirtualService of namespace own means by gateway %s %s', (name, meant) => {
  expect(resolveGateway(name, 'own')).toBe(meant);
});
