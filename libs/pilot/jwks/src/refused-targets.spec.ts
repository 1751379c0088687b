import { keySetKey } from '@flotilla/model';
import { newKeySet, startNameServer } from '@flotilla/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { certificate, SourceRig, text } from './source.fixture.ts';

const metadata = 'http://169.254.169.254/latest/meta-data/';
let rig: SourceRig;
beforeEach(() => {
  rig = new SourceRig();
});
afterEach(() => rig.close());
const refused = /the address of its host is refused/;

describe('targets that are refused', () => {
  it.each([
    metadata,
    'http://2852039166/',
    'http://0251.0376.0251.0376/',
    'http://0xa9fea9fe/',
    'http://169.254.43518/',
    'http://１６９.254.169.254/',
    'http://[::ffff:169.254.169.254]/',
    'http://[::ffff:a9fe:a9fe]/',
    'http://[64:ff9b::a9fe:a9fe]/',
    'http://[fe80::1]/',
    'http://[fd00:ec2::254]/',
    'http://127.0.0.2/',
    'http://0/',
    'http://[::1]/',
  ])('%s', async (url) => {
    await rig.start().want(url);
    expect(rig.problems).toMatch(refused);
  });

  it('behind a redirect', async () => {
    const server = await rig.serve((_, response) => void response.writeHead(302, { location: metadata }).end(), {});
    await rig.start().want(`${server.url}/keys`);
    expect(rig.problems).toMatch(refused);
  });

  it('behind the name that a discovery document gives', async () => {
    const server = await rig.serve(text(JSON.stringify({ jwks_uri: metadata })), {});
    const url = `${server.url}/.well-known/openid-configuration`;
    await rig.start().want(keySetKey({ kind: 'discovery', url }));
    expect(rig.problems).toMatch(refused);
  });

  it('behind a name of the system', async () => {
    const server = await rig.serve(text(newKeySet('a')));
    await rig.start({ jwksAllowedAddresses: [] }).want(`https://localhost:${server.port}/keys`);
    expect([rig.problems, server.requests]).toEqual([expect.stringMatching(refused), []]);
  });

  it('behind a name in DNS, also when it has other addresses, and when it gets another one', async () => {
    let addresses = ['127.0.0.9', '127.0.0.1'];
    const names = await startNameServer(() => addresses);
    rig.closing(names);
    const server = await rig.serve(text(newKeySet('a')));
    const inner = await rig.serve(text(newKeySet('b')), { certificate, host: '127.0.0.9', port: server.port });
    rig.start({ jwksNameServers: [names.address] });
    await rig.want(`https://keys.test:${server.port}/keys`);
    expect([rig.problems, server.requests.length]).toEqual(['', 1]);
    addresses = ['127.0.0.9'];
    await rig.want();
    await rig.want(`https://keys.test:${server.port}/keys`);
    expect([rig.problems, server.requests.length, inner.requests]).toEqual([expect.stringMatching(refused), 1, []]);
    addresses = ['169.254.169.254'];
    await rig.want(`https://other.test:${server.port}/keys`);
    expect(rig.problems).toMatch(refused);
  });
});
