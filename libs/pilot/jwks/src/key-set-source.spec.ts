import { gzipSync } from 'node:zlib';
import { discoveryOf } from '@flotilla/model';
import { createTestCa, newKeySet } from '@flotilla/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SourceRig, text } from './source.fixture.ts';

const keys = newKeySet('a', 'b');
const minute = 60_000;
let rig: SourceRig;
beforeEach(() => {
  rig = new SourceRig();
});
afterEach(() => rig.close());

describe('a key set', () => {
  it('comes over https from a host that the extra roots vouch for, and over http', async () => {
    const [server, plain] = [await rig.serve(text(keys)), await rig.serve(text(keys), {})];
    await rig.start().want(`${server.url}/keys?tenant=7`, `${plain.url}/keys`);
    expect(rig.given.map(([, jwks]) => jwks)).toEqual([keys, keys]);
    expect([server.requests, plain.requests, rig.problems]).toEqual([['/keys?tenant=7'], ['/keys'], '']);
  });

  it('comes from where redirects and the discovery document of an issuer lead', async () => {
    const server = await rig.serve(({ url }, response) => {
      if (url === '/keys') return void response.end(keys);
      if (url === '/moved') return void response.writeHead(307, { location: 'keys' }).end();
      response.end(JSON.stringify({ jwks_uri: `${server.url}/moved` }));
    });
    await rig.start().want(discoveryOf(`${server.url}/realm/`));
    expect(server.requests).toEqual(['/realm/.well-known/openid-configuration', '/moved', '/keys']);
    expect(rig.given.map(([, jwks]) => jwks)).toEqual([keys]);
  });

  it('is fetched again, and given again only with other keys', async () => {
    let [current, status] = [keys, 200];
    const server = await rig.serve((request, response) => text(current, status)(request, response as never));
    const url = `${server.url}/keys`;
    await rig.start().want(url);
    const reordered = JSON.stringify({ keys: (JSON.parse(keys) as { keys: unknown[] }).keys.reverse() }, null, 1);
    current = reordered;
    rig.clock.advance(20 * minute);
    await rig.fetched();
    current = newKeySet('c');
    rig.clock.advance(20 * minute);
    await rig.next();
    expect(rig.given).toEqual([
      [url, keys],
      [url, current],
    ]);
    status = 503;
    rig.clock.advance(20 * minute);
    await rig.failed();
    expect(rig.subscription.problems()).toMatchObject([
      { level: 'warning', url, objects: ['request-authentications shop/tokens'], since: '2026-01-01T01:00:00.000Z' },
    ]);
    expect(rig.problems).toMatch(/status 503; those of 2026-01-01T00:40:00.000Z stay in force/);
    expect(rig.given).toHaveLength(2);
  });

  it('that cannot be fetched again stays for a time, and comes back by itself', async () => {
    let status = 200;
    const server = await rig.serve((request, response) => text(keys, status)(request, response as never));
    await rig.start({ jwksKeep: 30 * minute }).want(`${server.url}/keys`);
    status = 500;
    rig.clock.advance(20 * minute);
    await rig.failed();
    const removed = rig.next();
    for (let i = 0; i < 10 && rig.given.length === 1; i += 1) {
      rig.clock.advance(5 * minute);
      await rig.failed();
    }
    await removed;
    expect(rig.given.map(([, jwks]) => jwks)).toEqual([keys, undefined]);
    expect(rig.subscription.problems()).toMatchObject([{ level: 'error' }]);
    status = 200;
    rig.clock.advance(5 * minute);
    await rig.next();
    expect([rig.given.at(-1)?.[1], rig.problems]).toEqual([keys, '']);
  });

  it('that nobody wants any more is forgotten, also while it is fetched', async () => {
    const slow = await rig.serve(() => {});
    const server = await rig.serve(text(keys));
    await rig.start().want(`${server.url}/keys`);
    const requested = slow.received(1);
    rig.subscription.want([{ key: discoveryOf(slow.url), objects: [] }]);
    await requested;
    rig.subscription.want([]);
    expect(rig.given).toEqual([
      [`${server.url}/keys`, keys],
      [`${server.url}/keys`, undefined],
    ]);
    rig.clock.advance(60 * minute);
    expect([server.requests.length, rig.problems]).toEqual([1, '']);
  });

  it('without keys is in force as it is: nothing is verified by keys that the issuer has withdrawn', async () => {
    let current = keys;
    const server = await rig.serve((request, response) => text(current)(request, response as never));
    await rig.start().want(`${server.url}/keys`);
    current = '{"keys":[]}';
    rig.clock.advance(20 * minute);
    await rig.next();
    expect(rig.given.at(-1)?.[1]).toBe(current);
    expect(rig.problems).toMatch(/none of its keys can verify a token; tokens that need them are refused/);
  });
});

describe('a key set that cannot be fetched', () => {
  it.each([
    ['an error', text('secret', 404), /status 404/],
    ['no JSON', text('<html>secret</html>'), /is not a key set/],
    ['no key set', text('{"secret":1}'), /is not a key set/],
    ['no UTF-8', (_: unknown, response: { end(bytes: Buffer): void }) => response.end(Buffer.from([0xff])), /UTF-8/],
  ])('%s', async (_, answer, why) => {
    const server = await rig.serve(answer as Parameters<SourceRig['serve']>[0]);
    await rig.start().want(`${server.url}/keys`);
    expect(rig.problems).toMatch(why);
    expect(rig.problems).not.toContain('secret');
    expect(rig.given).toEqual([]);
  });

  it('is slow', async () => {
    const server = await rig.serve((_, response) => void response.write('{'));
    await rig.start({ jwksTimeout: 100 }).want(`${server.url}/keys`);
    expect(rig.problems).toMatch(/did not answer in time \(--jwks-timeout\)/);
  });

  it('is compressed', async () => {
    const server = await rig.serve((_, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(1 << 20)));
    });
    await rig.start().want(`${server.url}/keys`);
    expect(rig.problems).toMatch(/compressed/);
  });

  it.each([{}, { 'content-length': String(1 << 30) }])('is endless, with header %j', async (headers) => {
    const closed = Promise.withResolvers<unknown>();
    const server = await rig.serve((_, response) => {
      response.writeHead(200, headers);
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(1 << 16, ' ')));
      };
      response.on('drain', more).on('close', closed.resolve).on('error', closed.resolve);
      more();
    });
    await rig.start().want(`${server.url}/keys`);
    await closed.promise;
    expect(rig.problems).toMatch(/more than 262144 bytes/);
  });

  it('redirects for ever, or to http', async () => {
    const plain = await rig.serve(text(keys), {});
    const server = await rig.serve(({ url }, response) => {
      response.writeHead(302, { location: url === '/loop' ? '/loop' : `${plain.url}/keys` }).end();
    });
    await rig.start().want(`${server.url}/loop`, `${server.url}/plain`);
    expect(rig.problems).toMatch(/more than 5 redirects/);
    expect(rig.problems).toMatch(/from https to http/);
    expect([server.requests.length, plain.requests]).toEqual([7, []]);
  });

  it('has a certificate that is not trusted, or for another host', async () => {
    const stranger = createTestCa().issue({ dns: ['localhost'] });
    const [server, named] = [await rig.serve(text(keys), { certificate: stranger }), await rig.serve(text(keys))];
    await rig.start().want(`${server.url}/keys`, `https://127.0.0.1:${named.port}/keys`);
    expect(rig.problems).toMatch(/certificate of its host is not trusted.*--jwks-extra-roots/);
    expect(rig.problems).toMatch(/certificate is for another host/);
    expect([server.requests, named.requests]).toEqual([[], []]);
  });

  it('has such a certificate, but certificates are not checked', async () => {
    const server = await rig.serve(text(keys), { certificate: createTestCa().issue({ dns: ['other.test'] }) });
    await rig.start({ jwksInsecureSkipVerify: true }).want(`${server.url}/keys`);
    expect([rig.given.length, rig.problems]).toEqual([1, '']);
  });

  it('has no URL, or a host that does not answer', async () => {
    const gone = await rig.serve(text(keys));
    gone.close();
    await rig.start().want('ftp://keys.test/', discoveryOf('tokens@shop.test'), `${gone.url}/keys`);
    expect(rig.problems).toMatch(/no http or https URL/);
    expect(rig.problems).toMatch(/the connection was refused/);
  });

  it('has no room beside the others, until there is', async () => {
    const server = await rig.serve(text(keys));
    await rig.start({ jwksTotalBytes: keys.length }).want(`${server.url}/1`);
    await rig.want(`${server.url}/1`, `${server.url}/2`);
    expect(rig.problems).toMatch(/all key sets together have more than \d+ bytes.*--jwks-total-bytes/);
    await rig.want(`${server.url}/2`);
    rig.clock.advance(5 * minute);
    await rig.fetched();
    expect([rig.given.at(-1), rig.problems]).toEqual([[`${server.url}/2`, keys], '']);
  });

  it('is one too many', async () => {
    const server = await rig.serve(text(keys));
    await rig.start({ maxKeySets: 2 }).want(`${server.url}/1`, `${server.url}/2`, `${server.url}/3`);
    expect(rig.problems).toMatch(/3 are not fetched: there are more than 2 key sets.*--max-key-sets/);
    await rig.want(`${server.url}/2`, `${server.url}/3`);
    expect([server.requests.toSorted(), rig.problems]).toEqual([['/1', '/2', '/3'], '']);
  });
});

it('a user, a password and a query are used, and are in no problem and no log', async () => {
  let authorization = '';
  const server = await rig.serve(({ headers }, response) => {
    authorization = headers.authorization ?? '';
    response.writeHead(500).end();
  });
  await rig.start().want(`https://user:pass%21@localhost:${server.port}/keys?key=hidden#part`);
  expect(Buffer.from(authorization.replace('Basic ', ''), 'base64').toString()).toBe('user:pass!');
  const shown = JSON.stringify([rig.subscription.problems(), rig.logged]);
  expect(shown).toContain(`https://localhost:${server.port}/keys`);
  for (const secret of ['user', 'pass', 'hidden', 'part']) expect(shown).not.toContain(secret);
});

it('a few key sets of one host are fetched at once, and another host does not wait for them', async () => {
  const held: (() => void)[] = [];
  const slow = await rig.serve((_, response) => void held.push(() => void response.end(keys)));
  const other = await rig.serve(text(keys));
  rig.start({ jwksFetchesPerHost: 2 });
  const all = rig.want(`${slow.url}/1`, `${slow.url}/2`, `${slow.url}/3`, `${other.url}/keys`);
  await rig.next();
  await slow.received(2);
  expect(rig.given.map(([url]) => url)).toEqual([`${other.url}/keys`]);
  expect(slow.requests).toHaveLength(2);
  for (let i = 0; i < 3; i += 1) {
    await slow.received(i + 1);
    held[i]?.();
  }
  await all;
  expect(rig.given).toHaveLength(4);
});
