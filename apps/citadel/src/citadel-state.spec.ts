import { hash, X509Certificate } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync, chmodSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { status, type Metadata } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { createCitadel, createFileRootStore, keepBootstrapTokens } from '@flotilla/citadel-service';
import type { KeptBootstrapTokens } from '@flotilla/citadel-service';
import { listen } from '@flotilla/grpc';
import { createMetrics } from '@flotilla/observability';
import { noObservability, type Logger } from '@flotilla/observability-port';
import { createServiceCertificate, requestCertificate } from '@flotilla/runtime/certificate';
import { AsyncQueue, type Clock } from '@flotilla/std';
import { citadel, path, pilotToken, csr, publicJwk, token, ca, options } from './certificates.fixture.ts';

describe('bootstrap tokens', () => {
  const day = 86_400_000;
  /** Time is ours; gives each timer that is set. */
  const timed = (now = Date.now()) => {
    const timers = new AsyncQueue<() => void>();
    const clock = { now: () => now, after: (_ms: number, end: () => void) => (timers.push(end), () => {}) };
    const problems: string[] = [];
    const log: Logger = { ...noObservability.log, error: (message) => void problems.push(message) };
    return {
      clock,
      log,
      problems,
      set: (to: number) => void (now = to),
      tick: async () => ((await timers.next()).value as () => void)(),
      armed: async () => void timers.push((await timers.next()).value as () => void),
    };
  };
  const isGood = ({ current }: KeptBootstrapTokens, token = '', now = 0): boolean =>
    current().some(({ digest, expires }) => digest.equals(hash('sha256', token, 'buffer')) && now < expires);
  const tokensIn = (file: string): Record<string, { token: string; expires: string }> =>
    JSON.parse(readFileSync(file, 'utf8')) as never;

  it('are made once, whole and for their owner alone, whatever starts at the same time', async () => {
    const file = path('made/tokens.json');
    const { clock, log } = timed();
    const kept = await Promise.all([1, 2, 3].map(() => keepBootstrapTokens({ path: file, ttlMs: day, clock, log })));
    expect([statSync(file).mode & 0o777, readdirSync(path('made'))]).toEqual([0o600, ['tokens.json']]);
    expect(new Set(kept.map(({ current }) => JSON.stringify(current()))).size).toBe(1);
    expect(kept[0]?.current().map(({ service }) => service)).toEqual(['galley', 'nats', 'pilot', 'sidecar-injector']);
  });

  it('are replaced at half of their life, and the old ones end with that', async () => {
    const file = path('rotated/tokens.json');
    const { clock, log, set, tick, armed } = timed();
    const start = clock.now();
    const kept = await keepBootstrapTokens({ path: file, ttlMs: day, clock, log });
    const first = tokensIn(file)['pilot'];
    set(start + day / 2 - 1);
    await tick();
    await armed();
    expect(tokensIn(file)['pilot']).toEqual(first);
    set(start + day / 2 + 1);
    await tick();
    await armed();
    const second = tokensIn(file)['pilot'];
    expect(second?.token).not.toBe(first?.token);
    expect(Date.parse(second?.expires ?? '')).toBe(start + day * 1.5 + 1);
    expect([first, second].map((each) => isGood(kept, each?.token, clock.now()))).toEqual([false, true]);
    set(start - 10 * day);
    await tick();
    await armed();
    expect(Date.parse(tokensIn(file)['pilot']?.expires ?? '')).toBe(start - 9 * day);
  });

  it("of somebody else's are left alone, and end by the age of their file", async () => {
    const file = path('given.json');
    const text = JSON.stringify({ pilot: pilotToken });
    writeFileSync(file, text);
    const written = statSync(file).mtimeMs;
    const { clock, log, set, tick, armed } = timed(written);
    const kept = await keepBootstrapTokens({ path: file, ttlMs: day, clock, log });
    expect(isGood(kept, pilotToken, clock.now())).toBe(true);
    set(written + day + 1);
    await tick();
    await armed();
    expect([readFileSync(file, 'utf8'), isGood(kept, pilotToken, clock.now())]).toEqual([text, false]);
  });

  it("that can't be written are told of, and the others stay good", async () => {
    writeFileSync(path('a-file'), '');
    const { clock, log, problems } = timed();
    const kept = await keepBootstrapTokens({ path: path('a-file/tokens.json'), ttlMs: day, clock, log });
    expect([kept.current(), problems[0]]).toEqual([[], expect.stringMatching(/cannot be replaced/) as string]);
  });

  it('are not shown by a service that has a certificate: it renews by that, and keeps its DNS names', async () => {
    const file = path('own-tokens.json');
    writeFileSync(file, JSON.stringify({ pilot: { token: pilotToken } }));
    let now = Date.now();
    const timers = new AsyncQueue<() => void>();
    const clock: Clock = { now: () => now, after: (_ms, end) => (timers.push(end), () => {}) };
    const serviceCertificate = createServiceCertificate({
      service: 'pilot',
      trustDomain: 'cluster.local',
      systemNamespace: 'istio-system',
      citadel: ca().address,
      bootstrapTokenFile: file,
      rootCertFile: path('root-cert.pem'),
      log: noObservability.log,
      clock,
    });
    const stop = new AbortController();
    const running = serviceCertificate.runner.run(stop.signal);
    await serviceCertificate.first;
    const namesOf = (): string => new X509Certificate(serviceCertificate.current()?.cert ?? '').subjectAltName ?? '';
    expect(namesOf()).toContain('DNS:istio-pilot.istio-system.svc');
    rmSync(file);
    now += 43_201_000;
    const renewed = new Promise((resolve) => serviceCertificate.onChange(resolve));
    ((await timers.next()).value as () => void)();
    await renewed;
    expect(namesOf()).toContain('DNS:istio-pilot.istio-system.svc');
    stop.abort();
    await running;
  });
});

describe('limits', () => {
  it('an identity that requests too often learns when to come back, others go on, and it is counted', async () => {
    const few = createMetrics();
    writeFileSync(path('own-jwks.json'), JSON.stringify({ keys: [publicJwk] }));
    const strict = await createCitadel({
      ...options(),
      jwksFile: path('own-jwks.json'),
      observability: { ...noObservability, metrics: few },
      maxCertificatesPerIdentity: 1,
      maxFailedAuthentications: 1,
    });
    const other = await listen([strict], {
      at: { host: '127.0.0.1', port: 0 },
      tls: { source: strict.certificate, clients: 'optional' },
    });
    const strictCa = { ...ca(), address: `127.0.0.1:${other.port}` };
    const validToken = await token();
    const ask = (shown: string) =>
      requestCertificate(strictCa, { csr, token: shown }).then(
        () => 'given',
        (error: { code: number; details: string; metadata: Metadata }) => error,
      );
    const results = await Promise.all(Array.from({ length: 14 }, () => ask(validToken)));
    const refused = results.filter((result) => result !== 'given');
    expect(refused.length).toBeGreaterThanOrEqual(2);
    expect(refused[0]).toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
      details: expect.stringMatching(/try again in \d+ ms/) as string,
    });
    expect(Number((refused[0] as { metadata: Metadata }).metadata.get('grpc-retry-pushback-ms')[0])).toBeGreaterThan(0);
    expect(
      await ask(
        await token({
          sub: 'system:serviceaccount:shop:api',
          kubernetes: { namespace: 'shop', serviceaccount: { name: 'api' } },
        }),
      ),
    ).toBe('given');
    const guesses = await Promise.all(Array.from({ length: 14 }, () => ask('p'.repeat(40))));
    expect(new Set(guesses.map((guess) => (guess as { code: number }).code))).toEqual(
      new Set([status.UNAUTHENTICATED, status.RESOURCE_EXHAUSTED]),
    );
    expect(
      await ask(
        await token({
          sub: 'system:serviceaccount:shop:api',
          kubernetes: { namespace: 'shop', serviceaccount: { name: 'api' } },
        }),
      ),
    ).toBe('given');
    const text = await few.text();
    for (const kind of ['certificates_of_identity', 'failed_authentications'])
      expect(text).toMatch(new RegExp(`limits_hit_total\\{kind="${kind}"\\} [1-9]`));
    strict.close();
    await other.close();
  });
});

describe('the root', () => {
  it('is kept with mode 0600 and is the same after a restart', async () => {
    expect(statSync(path('root.pem')).mode & 0o777).toBe(0o600);
    const again = await createCitadel(options());
    expect(again.authority.rootPem).toBe(citadel.authority.rootPem);
    again.close();
  });
  it('is one, when two start at once', async () => {
    const both = await Promise.all(
      [1, 2].map(() => createCitadel({ ...options(), root: createFileRootStore(path('twice/root.pem')) })),
    );
    expect(both[0]?.authority.rootPem).toBe(both[1]?.authority.rootPem);
    for (const each of both) each.close();
    expect(existsSync(path('twice/root.pem'))).toBe(true);
  });
  it('and its certificate need no folder that can be written once they are there', async () => {
    const [problems, file] = [[] as unknown[], path('root-cert-is-a-folder')];
    mkdirSync(join(file, 'occupied'), { recursive: true });
    const log: Logger = {
      ...noObservability.log,
      error: (_message, fields) => void problems.push(fields?.['file']),
      scope: () => log,
    };
    const again = await createCitadel({ ...options(), rootCertOut: file, observability: { ...noObservability, log } });
    expect([again.authority.rootPem === citadel.authority.rootPem, problems]).toEqual([true, [file]]);
    again.close();
  });
  it("that can't be kept is refused with what to do", async () => {
    writeFileSync(path('in-the-way'), '');
    await expect(
      createCitadel({ ...options(), root: createFileRootStore(path('in-the-way/root.pem')) }),
    ).rejects.toThrow(/there is no root yet and a new one can't be kept: .*make .* writable/);
  });
  it('that others may read, or that is damaged, is refused with the remedy', async () => {
    writeFileSync(path('open.pem'), readFileSync(path('root.pem')), { mode: 0o600 });
    chmodSync(path('open.pem'), 0o644);
    await expect(createFileRootStore(path('open.pem')).load()).rejects.toThrow(/chmod 600/);
    writeFileSync(path('broken.pem'), 'x', { mode: 0o600 });
    await expect(createFileRootStore(path('broken.pem')).load()).rejects.toThrow(/restore it, or remove it/);
  });
});
