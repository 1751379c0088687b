import { describe, expect, it } from 'vitest';
import { ask, peerAuthentication } from '../mesh.fixture.ts';

type Match = { destinationPort?: number; transportProtocol?: string; applicationProtocols?: string[] };
/** What the chains of undeclared ports match, with a port or without, for a workload of a namespace. */
function passthrough(policies: readonly object[], namespace = 'shop'): Match[] {
  const listener = ask(policies as Parameters<typeof ask>[0], { labels: { app: 'a' }, namespace }).named(
    'lds',
    'virtualInbound',
  ) as { filterChains: { name: string; filterChainMatch: Match }[] };
  return listener.filterChains
    .filter(({ name }) => name === 'virtualInbound')
    .map(({ filterChainMatch }) => filterChainMatch);
}
const takesPlainText = (matches: readonly Match[], port?: number): boolean =>
  matches.some((match) => match.destinationPort === port && match.transportProtocol === 'raw_buffer');
const selecting = { selector: { matchLabels: { app: 'a' } } };

describe('PeerAuthentication', () => {
  it('with a selector selects in its own namespace, in the root namespace nothing', () => {
    const strict = { ...selecting, mtls: { mode: 'STRICT' } };
    expect(takesPlainText(passthrough([peerAuthentication('own', strict)]))).toBe(false);
    expect(takesPlainText(passthrough([peerAuthentication('own', strict, { namespace: 'istio-system' })]))).toBe(true);
    expect(
      takesPlainText(passthrough([peerAuthentication('own', strict, { namespace: 'istio-system' })], 'istio-system')),
    ).toBe(true);
  });

  it('gives chains to every port that it names and no service declares, whatever its mode', () => {
    const matches = passthrough([
      peerAuthentication('own', {
        ...selecting,
        mtls: { mode: 'STRICT' },
        portLevelMtls: { 9000: { mode: 'DISABLE' }, 9001: { mode: 'STRICT' }, 9002: {} },
      }),
    ]);
    expect(
      [undefined, 9000, 9001, 9002].map((port) => [
        matches.some(({ destinationPort }) => destinationPort === port),
        takesPlainText(matches, port),
      ]),
    ).toEqual([
      [true, false],
      [true, true],
      [true, false],
      [true, false],
    ]);
  });
});
