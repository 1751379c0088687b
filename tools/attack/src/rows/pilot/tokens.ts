import { once } from 'node:events';
import type { ClientHttp2Stream } from 'node:http2';
import { setTimeout as pause } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import type { Claims } from '@flotilla/testing/token-mint';
import { expect, patience, table, type Attack } from '../../attack.ts';
import { types, type AdsOptions } from '../../clients/ads.ts';
import { methods, openSession, startCall } from '../../clients/calls.ts';
import type { Mesh } from '../../mesh/attacked-mesh.ts';

type Row = Omit<Attack, 'service' | 'kind'>;

/** The status with which a stream with this token ends, or `served`. */
async function outcome(mesh: Mesh, token: string, options: Partial<AdsOptions> = {}): Promise<string> {
  const stream = await mesh.streamByToken(token, options);
  stream.send({ typeUrl: types.cds });
  const ended = await stream
    .next(() => true, 10_000)
    .then(
      () => undefined,
      () => stream.ended,
    );
  stream.close();
  if (ended === undefined) return 'served';
  if (ended === 'ended') return 'ended';
  mesh.answered(ended.details);
  return status[ended.code];
}
const refused = (name: string, token: (mesh: Mesh) => Promise<string> | string, more: Partial<Row> = {}): Row => ({
  name,
  describe: 'xDS with an invalid bearer token: UNAUTHENTICATED',
  run: async (mesh) => {
    const seen = await outcome(mesh, await token(mesh));
    expect('UNAUTHENTICATED', seen, seen === 'UNAUTHENTICATED');
  },
  ...more,
});
const claims = (name: string, given: Claims, more: Partial<Row> = {}): Row =>
  refused(name, (mesh) => mesh.tokens.mint(given), more);

/** For how long a stream is still open when its answer is complete. */
async function msAfterAnswer(call: ClientHttp2Stream): Promise<number> {
  await once(call, 'end');
  const answered = performance.now();
  if (!call.closed) await once(call, 'close');
  return performance.now() - answered;
}

/** How long a token is accepted after its expiry, because clocks may differ. */
const leewaySeconds = 60;

/** Bearer tokens of clients without a certificate. */
export const tokens = table({ service: 'pilot', kind: 'tokens' }, [
  claims('a signature by another key', { isForged: true }, { form: 'short' }),
  claims('another audience', { audience: 'api' }, { form: 'short' }),
  claims('expired long ago', { expires: -1_000_000 }),
  claims('no expiry', { expires: 'never' }),
  refused('a made-up bootstrap token', () => 'x'.repeat(43)),
  refused('empty parts', () => '..'),
  refused('a 16 kB token', () => `${'a'.repeat(8000)}.${'b'.repeat(8000)}.${'c'.repeat(400)}`),
  {
    name: 'a 1 MB token',
    describe: 'a huge header: refused, other clients are served',
    run: async (mesh) => {
      const seen = await outcome(mesh, `a.${'b'.repeat(1_000_000)}.c`);
      expect('a refusal', seen, seen !== 'served');
    },
  },
  {
    name: 'a node of another namespace',
    describe: 'a valid token with a node of another namespace: PERMISSION_DENIED',
    form: 'short',
    run: async (mesh) => {
      const seen = await outcome(mesh, await mesh.tokens.mint({ namespace: 'other' }));
      expect('PERMISSION_DENIED', seen, seen === 'PERMISSION_DENIED');
    },
  },
  {
    name: '100 refused streams that their client leaves open',
    describe: 'bad tokens, and no end of the requests: each stream is over as soon as it is refused',
    form: 'short',
    run: async (mesh) => {
      const session = await openSession(mesh, 'secure-xds', { isCertified: false });
      const calls = Array.from({ length: 100 }, (_, i) =>
        startCall(session, methods.delta, { authorization: `Bearer a.${i % 10}.c` }),
      );
      const openMs = await Promise.race([
        Promise.all(calls.map(msAfterAnswer)),
        pause(10_000 * patience(), [Number.NaN]),
      ]);
      const longest = Math.max(...openMs);
      // Half of the time that a client may take for a request.
      expect('each stream over within 2,500 ms of its refusal', longest, longest < 2500);
    },
  },
  {
    name: 'a token replayed after its expiry',
    describe: 'a token that was accepted before: UNAUTHENTICATED once it has expired',
    run: async (mesh) => {
      const token = await mesh.tokens.mint({ expires: 8 - leewaySeconds });
      const before = await outcome(mesh, token);
      expect('served before', before, before === 'served');
      await pause(10_000);
      const after = await outcome(mesh, token);
      expect('UNAUTHENTICATED afterwards', after, after === 'UNAUTHENTICATED');
    },
  },
  {
    name: '10,000 different bad tokens',
    describe:
      'forged tokens as fast as possible over 4 connections: none is served, known tokens are, workloads still get certificates, the log stays small',
    deadlineMs: 60_000,
    run: async (mesh) => {
      const good = await mesh.tokens.mint({ serviceAccount: 'good' });
      const before = await outcome(mesh, good);
      expect('the valid token to be served', before, before === 'served');
      const [header, body] = good.split('.');
      for (let i = 0; i < 4; i += 1) {
        const session = await openSession(mesh, 'secure-xds', { isCertified: false });
        for (let j = 0; j < 2500 && !session.destroyed; j += 1) {
          const signature = mesh.random.bytes(64).toString('base64url');
          startCall(session, methods.delta, { authorization: `Bearer ${header}.${body}.${signature}` }).end();
          if (j % 100 === 0) await pause(1);
        }
      }
      // Unless the verdict is still known, the token's address has to wait for a moment.
      let after = await outcome(mesh, good);
      for (let tries = 0; tries < 10 && after === 'RESOURCE_EXHAUSTED'; tries += 1) {
        await pause(1000);
        after = await outcome(mesh, good);
      }
      expect('the valid token to be served still', after, after === 'served');
      const page = await mesh.page('pilot', '/metrics');
      const lines = page.split('\n').filter((line) => /kind="xds_(refused_tokens|token_checks)"/.test(line));
      const hits = lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
      expect('a limit of tokens to be hit', lines.join('\n'), hits > 0);
    },
  },
]);
