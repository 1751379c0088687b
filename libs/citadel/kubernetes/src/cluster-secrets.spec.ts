import { createPublicKey, X509Certificate } from 'node:crypto';
import { describe, expect, it, vi } from 'vitest';
import { FakeKube } from '@flotilla/kube-fake';
import { resources } from '@flotilla/kube-port';
import type { Credential } from '@flotilla/model';
import { noObservability, type Logger } from '@flotilla/observability-port';
import { buildCertificate, buildRoot, generateKey, keyToPem } from '@flotilla/pki';
import { AsyncQueue, type Clock } from '@flotilla/std';
import { createAccessReviews } from './access-reviews.ts';
import { createSecretWatches } from './secret-watches.ts';

const validity = { notBefore: Date.UTC(2026, 0, 1), notAfter: Date.UTC(2027, 0, 1) };
const rootKey = generateKey();
const root = buildRoot(rootKey, { organization: 'test', validity, serial: Buffer.alloc(16, 1) });
const makePair = (): { cert: string; key: string } => {
  const key = generateKey();
  const issuer = { key: rootKey, certificate: new X509Certificate(root) };
  const input = { publicKey: createPublicKey(key), validity, serial: Buffer.alloc(16, 2), dns: ['a.test'] };
  return { cert: buildCertificate(input, issuer), key: keyToPem(key) };
};
const [one, two] = [makePair(), makePair()];
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const secret = (name: string, { cert, key }: { cert: string; key: string }) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { namespace: 'shop', name },
  type: 'kubernetes.io/tls',
  data: { 'tls.crt': base64(cert), 'tls.key': base64(key) },
});

/** A log whose lines a test awaits. */
function heard() {
  const lines = new AsyncQueue<string>();
  const write = (message: string, fields?: object): void => lines.push(`${message} ${JSON.stringify(fields ?? {})}`);
  const log: Logger = { ...noObservability.log, info: write, warn: write, error: write, scope: () => log };
  const next = async (): Promise<string> => (await lines.next()).value as string;
  const until = async (text: string): Promise<string> => {
    for (let line = await next(); ; line = await next()) if (line.includes(text)) return line;
  };
  return { log, next, until };
}

function open(api: FakeKube, maxWatches = 10) {
  const { log, until } = heard();
  const full: string[] = [];
  const reader = createSecretWatches({ api, log, maxWatches, onFull: () => void full.push('full') });
  const follow = (name: string) => {
    const changes = new AsyncQueue<Credential | 'absent' | undefined>();
    const followed = reader.follow(name, () => changes.push(followed.current()));
    const next = async (): Promise<string> => {
      const { value } = await changes.next();
      if (typeof value !== 'object') return String(value);
      const text = Buffer.from(value.certificate ?? value.roots ?? []).toString();
      return text === one.cert ? '1' : text === two.cert ? '2' : text === root ? 'root' : 'none';
    };
    return { ...followed, next };
  };
  return { follow, until, full };
}

describe('Secrets of a cluster', () => {
  it('are read when they are requested, and again when they are created later, rotated and deleted', async () => {
    const api = new FakeKube();
    const { follow } = open(api);
    const web = follow('shop/web');
    expect(web.current()).toBeUndefined();
    expect(await web.next()).toBe('absent');
    await api.create(resources.secrets, secret('web', one));
    await api.create(resources.secrets, secret('other', one));
    expect(await web.next()).toBe('1');
    const body = { data: secret('web', two).data };
    await api.patch(resources.secrets, { namespace: 'shop', name: 'web' }, { type: 'merge', body });
    expect(await web.next()).toBe('2');
    await api.delete(resources.secrets, { namespace: 'shop', name: 'web' });
    expect(await web.next()).toBe('absent');
  });

  it('keep their last good version while they are not valid, and their content is not logged', async () => {
    const api = new FakeKube();
    await api.create(resources.secrets, secret('web', one));
    const { follow, until } = open(api);
    const web = follow('shop/web');
    expect(await web.next()).toBe('1');
    const change = (pair: { cert: string; key: string }): Promise<unknown> =>
      api.patch(
        resources.secrets,
        { namespace: 'shop', name: 'web' },
        { type: 'merge', body: { data: secret('web', pair).data } },
      );
    await change({ cert: one.cert, key: two.key });
    const line = await until('its key does not belong to its certificate');
    expect(line).toContain('shop/web');
    expect(line).not.toContain(base64(two.key).slice(0, 40));
    expect(web.current()).toMatchObject({ key: Buffer.from(one.key) });
    await change(two);
    expect(await web.next()).toBe('2');
  });

  it('keep their last known version while the API server is unreachable or refuses access, which is logged', async () => {
    const api = new FakeKube();
    await api.create(resources.secrets, secret('web', one));
    const { follow, until } = open(api);
    const web = follow('shop/web');
    await web.next();
    api.cut();
    await until('Secrets cannot be read');
    expect(web.current()).toMatchObject({ key: Buffer.from(one.key) });
    await api.others.replace(resources.secrets, secret('web', two));
    api.restore();
    expect(await web.next()).toBe('2');
    api.revoke(resources.secrets);
    expect(await until('Secrets cannot be read')).toContain('cannot list resource');
    expect(web.current()).toMatchObject({ key: Buffer.from(two.key) });
  });

  it('named for roots exist even when they cannot be used', async () => {
    const api = new FakeKube();
    await api.create(resources.secrets, { ...secret('web-cacert', one), type: 'Opaque', data: { x: '' } });
    const roots = open(api).follow('shop/web-cacert');
    await roots.next();
    expect(roots.current()).toEqual({});
  });

  it('beyond the limit wait until another is released, and none is watched without a subscriber', async () => {
    const api = new FakeKube();
    for (const name of ['a', 'b']) await api.create(resources.secrets, secret(name, one));
    const { follow, until, full } = open(api, 1);
    const [first, again, second] = [follow('shop/a'), follow('shop/a'), follow('shop/b')];
    expect([await first.next(), await again.next()]).toEqual(['1', '1']);
    expect(await until('may watch')).toContain('--max-secret-watches');
    expect([second.current(), full]).toEqual([undefined, ['full']]);
    first.end();
    expect(second.current()).toBeUndefined();
    again.end();
    expect(await second.next()).toBe('1');
  });

  it('of one namespace leave room for those of others', async () => {
    const api = new FakeKube();
    const { follow } = open(api, 4);
    const many = ['a', 'b', 'c', 'd'].map((name) => follow(`shop/${name}`));
    const other = follow('bank/web');
    expect([await many[0]?.next(), await many[1]?.next(), await other.next()]).toEqual(['absent', 'absent', 'absent']);
    expect(many.slice(2).map(({ current }) => current())).toEqual([undefined, undefined]);
  });

  it.each(['shop', '../shop/web', 'shop/a,metadata.name!=b', 'shop/web/x', ''])('%j is not a Secret', (name) => {
    const api = new FakeKube();
    expect(open(api).follow(name).current()).toBe('absent');
  });
});

describe('who may list Secrets', () => {
  function openReviews() {
    const api = new FakeKube();
    const { log, next } = heard();
    const timers = new AsyncQueue<{ readonly ms: number; readonly callback: () => void }>();
    let armed = 0;
    const clock: Clock = {
      now: () => 0,
      after(ms, callback) {
        armed += 1;
        timers.push({ ms, callback });
        return () => void (armed -= 1);
      },
    };
    /** Ends the next pause, and returns its length. */
    const endPause = async (): Promise<number> => {
      const { ms, callback } = (await timers.next()).value as { ms: number; callback: () => void };
      armed -= 1;
      callback();
      return ms;
    };
    const allowed = new Set<string>();
    const asked: unknown[] = [];
    api.review(resources.subjectAccessReviews, ({ spec }) => {
      asked.push(spec);
      return { allowed: allowed.has((spec as { user: string }).user) };
    });
    const access = createAccessReviews({ api, log, clock, random: () => 1 });
    return { api, access, allowed, asked, endPause, armed: () => armed, next };
  }

  it('is requested from the API server as in Istio, once for all subscribers', async () => {
    const { access, asked, next } = openReviews();
    const changes = new AsyncQueue<string>();
    const followed = [1, 2].map(() => access.follow('shop/gateway', () => changes.push('changed')));
    await changes.next();
    await changes.next();
    expect(followed.map(({ current }) => current())).toEqual(['refused', 'refused']);
    expect(await next()).toContain('shop/gateway');
    expect(asked).toEqual([
      {
        user: 'system:serviceaccount:shop:gateway',
        groups: ['system:serviceaccounts', 'system:serviceaccounts:shop', 'system:authenticated'],
        resourceAttributes: { verb: 'list', resource: 'secrets', namespace: 'shop' },
      },
    ]);
  });

  it('is checked again: soon after a refusal, a minute after a permission', async () => {
    const { access, allowed, asked, endPause, armed } = openReviews();
    const changes = new AsyncQueue<string | undefined>();
    const followed = access.follow('shop/gateway', () => changes.push(followed.current()));
    const next = async () => (await changes.next()).value as string;
    expect([await next(), await endPause(), await endPause()]).toEqual(['refused', 2000, 4000]);
    allowed.add('system:serviceaccount:shop:gateway');
    expect([await endPause(), await next()]).toEqual([8000, 'allowed']);
    allowed.clear();
    expect([await endPause(), await next()]).toEqual([60_000, 'refused']);
    expect(await endPause()).toBe(2000);
    await vi.waitFor(() => expect([armed(), asked.length]).toEqual([1, 6]));
    followed.end();
    expect(armed()).toBe(0);
  });

  it('stays the same while the API server does not answer, and is updated when it does', async () => {
    const { api, access, allowed, endPause, next } = openReviews();
    allowed.add('system:serviceaccount:shop:gateway');
    api.cut();
    const changes = new AsyncQueue<string | undefined>();
    const followed = access.follow('shop/gateway', () => changes.push(followed.current()));
    expect(await next()).toContain('connection refused');
    expect(followed.current()).toBeUndefined();
    api.restore();
    expect([await endPause(), (await changes.next()).value]).toEqual([200, 'allowed']);
    api.cut();
    expect(await endPause()).toBe(60_000);
    expect([await endPause(), await endPause(), followed.current()]).toEqual([200, 400, 'allowed']);
  });
});
