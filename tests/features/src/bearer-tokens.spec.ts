import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, credentials, status, type ServiceError } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { channelCredentials, serverNamed } from '@flotilla/grpc';
import { flotilla } from '@flotilla/proto-gen/identity';
import { createTokenMint, type Claims, type TokenMint } from '@flotilla/testing/token-mint';
import { startFleet } from './fleet.fixture.ts';
import { connectProxy, type Caller, type Stream } from './proxy-stream.fixture.ts';

const { IdentifyRequest, IdentifyResponse } = flotilla.identity.v1;
const clusterType = 'type.googleapis.com/envoy.config.cluster.v3.Cluster';

let folder: string;
let mint: TokenMint;
let fleet: Awaited<ReturnType<typeof startFleet>>;
const streams: Stream[] = [];
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-tokens-'));
  mint = await createTokenMint();
  const jwksFile = join(folder, 'jwks.json');
  writeFileSync(jwksFile, mint.jwks);
  fleet = await startFleet({ config: folder, jwksFile });
});
afterAll(async () => {
  for (const stream of streams) stream.close();
  await fleet.close();
});

/** Connects like an agent of Istio that has no certificate yet: TLS with the root, and the pod's token. */
async function connect(caller: Partial<Caller> & { readonly claims?: Claims } = {}): Promise<Stream> {
  const { claims, ...rest } = caller;
  const stream = await connectProxy(
    fleet.securePort,
    { variant: 'delta', namespace: 'shop', bearer: await mint.mint(claims), ...rest },
    credentials.createSsl(Buffer.from(fleet.rootCert), null, null, { checkServerIdentity: () => undefined }),
  );
  streams.push(stream);
  return stream;
}

describe('a client without a certificate', () => {
  it.each(['sotw', 'delta'] as const)('gets the configuration of its namespace for its token, %s', async (variant) => {
    const stream = await connect({ variant });
    await stream.has(clusterType, 'BlackHoleCluster');
    const metadata = { NAMESPACE: 'shop', SERVICE_ACCOUNT: 'web' };
    await (await connect({ variant, metadata })).has(clusterType, 'BlackHoleCluster');
  });

  type Wrong = Partial<Caller> & { readonly claims?: Claims };
  const denied = (name: string, wrong: Wrong, reason: RegExp) =>
    ({ name, wrong, reason, code: status.PERMISSION_DENIED }) as const;
  const unauthenticated = (name: string, wrong: Wrong, reason: RegExp) =>
    ({ name, wrong, reason, code: status.UNAUTHENTICATED }) as const;
  it.each([
    unauthenticated('for another audience', { claims: { audience: 'api' } }, /unexpected "aud" claim value/),
    unauthenticated('that has expired', { claims: { expires: -3600 } }, /the token has expired/),
    unauthenticated('with a wrong signature', { claims: { isForged: true } }, /signature verification failed/),
    unauthenticated('that can not be one', { bearer: 'x'.repeat(43) }, /three parts of base64url/),
    unauthenticated('that is too long', { bearer: `a.${'b'.repeat(16_384)}.c` }, /longer than 16384/),
    denied(
      'of another namespace than its node',
      { claims: { namespace: 'elsewhere' } },
      /ns\/elsewhere\/sa\/web may not get the configuration of node .* of namespace shop/,
    ),
    denied(
      'of another service account than its node',
      { metadata: { SERVICE_ACCOUNT: 'gateway' } },
      /ns\/shop\/sa\/web may not get the configuration of node .* of service account gateway/,
    ),
  ])('is refused with a token $name, with the reason in the log', async ({ wrong, code, reason }) => {
    fleet.refused.length = 0;
    const error: ServiceError = await connect(wrong).then(
      () => expect.fail('it was accepted'),
      (thrown: ServiceError) => thrown,
    );
    expect([status[error.code], error.details]).toEqual([status[code], expect.stringMatching(reason)]);
    expect(fleet.refused).toEqual([expect.stringMatching(new RegExp(`^stream refused: .*${reason.source}`, 'i'))]);
  });

  it('is refused without a token', async () => {
    const { bearer, ...rest } = { bearer: undefined, namespace: 'shop', variant: 'delta' as const };
    await expect(connect({ ...rest, bearer })).rejects.toMatchObject({
      code: status.UNAUTHENTICATED,
      details: expect.stringContaining('or a bearer token is needed here') as string,
    });
  });

  it('tries again while citadel is unreachable, which does not affect open streams', async () => {
    const served = await connect();
    await fleet.citadel.stop();
    await expect(connect({ claims: { serviceAccount: 'late' } })).rejects.toMatchObject({
      code: status.UNAVAILABLE,
      details: expect.stringContaining('citadel gave no verdict on the token') as string,
    });
    await served.roundTrip();
    // Pilot reuses a known verdict for a while.
    await fleet.citadel.restart();
    for (;;) {
      const stream = await connect({ claims: { serviceAccount: 'late' } }).catch(({ code }: ServiceError) => code);
      if (typeof stream === 'object') break;
      expect(stream).toBe(status.UNAVAILABLE);
    }
    await served.roundTrip();
  });
});

describe("pilot's pages about proxies", () => {
  const address = '10.0.0.9';
  /** What a caller from another pod gets: the status and the first line; `served` when the page is not refused. */
  async function visit(path: string, token?: string): Promise<string> {
    const refusal = await fleet.pilot.pages[path]?.guard?.({ address, token });
    return refusal ? `${refusal.status} ${refusal.text.split('\n')[0]}` : 'served';
  }
  const paths = ['/debug/syncz', '/debug/config_dump'];

  it.each(paths)('%s is for service accounts of the control plane', async (path) => {
    expect(await visit(path)).toBe('401 this page is for callers in the same pod');
    const system = { namespace: 'istio-system', serviceAccount: 'admin' };
    expect(await visit(path, await mint.mint(system))).toBe('served');
    expect(await visit(path, await mint.mint())).toBe(
      '403 spiffe://cluster.local/ns/shop/sa/web is not in namespace istio-system',
    );
    for (const wrong of [{ expires: -3600 }, { isForged: true }, { audience: 'api' }, { issuer: 'https://a.test' }])
      expect(await visit(path, await mint.mint({ ...system, ...wrong }))).toMatch(/^401 bearer token: /);
    expect(await visit(path, 'x'.repeat(43))).toMatch(/^401 bearer token: /);
  });

  it('say what to do', async () => {
    const refusal = await fleet.pilot.pages['/debug/syncz']?.guard?.({ address, token: undefined });
    expect(refusal?.text).toContain('kubectl create token NAME -n istio-system --audience istio-ca');
  });

  it('are the only ones that are guarded', () =>
    expect(Object.keys(fleet.pilot.pages).filter((path) => fleet.pilot.pages[path]?.guard)).toEqual(paths));
});

describe('the owner of a token', () => {
  /** Calls citadel with the certificate of a service, or with none. */
  async function identify(service?: string): Promise<InstanceType<typeof IdentifyResponse>> {
    const citadel = 'spiffe://cluster.local/ns/istio-system/sa/citadel';
    const tls = service
      ? channelCredentials(await fleet.certificateOf(service), citadel)
      : credentials.createSsl(Buffer.from(fleet.rootCert), null, null, { checkServerIdentity: () => undefined });
    const client = new Client(fleet.citadel.address, tls, serverNamed('localhost'));
    const token = await mint.mint({ expires: 10 });
    try {
      return await new Promise((resolve, reject) =>
        client.makeUnaryRequest(
          '/flotilla.identity.v1.Identity/Identify',
          (request: Parameters<typeof IdentifyRequest.encode>[0]) =>
            Buffer.from(IdentifyRequest.encode(request).finish()),
          (bytes: Buffer) => IdentifyResponse.decode(bytes),
          { token, address: '10.0.0.1' },
          (error, answer) => (answer ? resolve(answer) : reject(error ?? new Error('no answer'))),
        ),
      );
    } finally {
      client.close();
    }
  }

  it('is given to pilot, for reuse until the token expires at most', async () => {
    const { identity, refusal, reuseMs } = await identify('pilot');
    expect([identity, refusal]).toEqual(['spiffe://cluster.local/ns/shop/sa/web', '']);
    expect(reuseMs).toBeGreaterThan(0);
    expect(reuseMs).toBeLessThanOrEqual(10_000);
  });

  it.each(['galley', 'sidecar-injector', undefined])('is not given to %s', async (service) => {
    await expect(identify(service)).rejects.toMatchObject({ code: status.PERMISSION_DENIED });
  });
});
