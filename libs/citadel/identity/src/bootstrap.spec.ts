import { expect, it } from 'vitest';
import { parseBootstrapTokens, verifyBootstrapToken } from './bootstrap.ts';

const pilot = 'p'.repeat(32);
const galley = 'g'.repeat(32);
const context = { trustDomain: 'td', systemNamespace: 'istio-system', now: Date.UTC(2026, 0, 1) };

it('a bootstrap token is its service until it ends, and nothing near it is', () => {
  const parsed = parseBootstrapTokens(
    JSON.stringify({ pilot: { token: pilot, expires: '2026-01-01T00:00:01Z' }, galley }),
  );
  if (!parsed.ok) throw new Error(parsed.error);
  const tokens = parsed.value.map((token) => ({ expires: context.now + 1, ...token }));
  expect(verifyBootstrapToken(galley, tokens, context)).toEqual({
    ok: true,
    value: { trustDomain: 'td', namespace: 'istio-system', serviceAccount: 'galley' },
  });
  for (const wrong of ['', pilot.slice(1), `${pilot}p`])
    expect(verifyBootstrapToken(wrong, tokens, context).ok).toBe(false);
  expect(verifyBootstrapToken(galley, tokens, { ...context, now: context.now + 1 })).toMatchObject({
    error: expect.stringMatching(/of galley expired at 2026-01-01T00:00:00.001Z: it must be replaced/) as string,
  });
  expect(
    [0, 1, 999, 1000].map((ms) =>
      [pilot, galley].map((token) => verifyBootstrapToken(token, tokens, { ...context, now: context.now + ms }).ok),
    ),
  ).toEqual([
    [true, true],
    [true, false],
    [true, false],
    [false, false],
  ]);
});

it.each([
  '',
  '[]',
  '{"pilot":"short"}',
  '{"pilot":7}',
  `{"../x":"${pilot}"}`,
  `{"pilot":"${pilot}","galley":"${pilot}"}`,
  `{"pilot":{"token":"short"}}`,
  `{"pilot":{"token":"${pilot}","expires":"later"}}`,
  `{"pilot":{"token":"${pilot}","expires":{}}}`,
  '{"pilot":null}',
  '{"__proto__":{"token":"x"}}',
])('refuses the token file %s without repeating a token', (text) => {
  const parsed = parseBootstrapTokens(text);
  expect(parsed).toMatchObject({ ok: false });
  if (!parsed.ok) expect(parsed.error).not.toContain(pilot);
});
