import { expect, it } from 'vitest';
import { parseBootstrapTokens, verifyBootstrapToken } from './index.ts';

const pilot = 'p'.repeat(32);
const galley = 'g'.repeat(32);

it('a bootstrap token is its service, and nothing near it is', () => {
  const tokens = parseBootstrapTokens(JSON.stringify({ pilot, galley }));
  if (!tokens.ok) throw new Error(tokens.error);
  expect(verifyBootstrapToken(galley, tokens.value, 'td')).toEqual({ ok: true, value: { trustDomain: 'td', namespace: 'istio-system', serviceAccount: 'galley' } });
  for (const wrong of ['', pilot.slice(1), `${pilot}p`]) expect(verifyBootstrapToken(wrong, tokens.value, 'td').ok).toBe(false);
});

it.each(['', '[]', '{"pilot":"short"}', '{"pilot":7}', `{"../x":"${pilot}"}`, `{"pilot":"${pilot}","galley":"${pilot}"}`])('refuses the token file %s without repeating a token', (text) => {
  const parsed = parseBootstrapTokens(text);
  expect(parsed).toMatchObject({ ok: false });
  if (!parsed.ok) expect(parsed.error).not.toContain(pilot);
});
