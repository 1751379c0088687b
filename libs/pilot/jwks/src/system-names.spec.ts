import { describe, expect, it } from 'vitest';
import { candidates, parseHosts, parseResolvConf } from './system-names.ts';

describe('the files that say how a machine resolves names', () => {
  it('a hosts file has several names per line, comments, and several addresses of a name', () => {
    const hosts = parseHosts('127.0.0.1 localhost # me\n::1\tlocalhost ip6-localhost\nnonsense host\n#10.0.0.1 no\n');
    expect(Object.fromEntries(hosts)).toEqual({ localhost: ['127.0.0.1', '::1'], 'ip6-localhost': ['::1'] });
  });

  it.each([
    ['', { servers: ['127.0.0.1', '::1'], search: [], ndots: 1 }],
    [
      'nameserver 10.96.0.10\nsearch shop.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5 trust-ad\n',
      { servers: ['10.96.0.10'], search: ['shop.svc.cluster.local', 'svc.cluster.local', 'cluster.local'], ndots: 5 },
    ],
    [
      'domain a.test b.test\nnameserver 10.0.0.1\nnameserver keys.test\nnameserver fd00::1\nnameserver 10.0.0.2\nnameserver 10.0.0.3',
      { servers: ['10.0.0.1', 'fd00::1', '10.0.0.2'], search: ['a.test'], ndots: 1 },
    ],
    [
      'search a.\n; search b\nsearch c. # d\noptions ndots:99 ndots:x',
      { servers: ['127.0.0.1', '::1'], search: ['c'], ndots: 15 },
    ],
  ])('resolv.conf %j', (text, expected) => {
    expect(parseResolvConf(text)).toEqual(expected);
  });

  it.each([
    ['keys.example.com', ['keys.example.com.a', 'keys.example.com.b', 'keys.example.com'], 5],
    ['keys.example.com', ['keys.example.com', 'keys.example.com.a', 'keys.example.com.b'], 2],
    ['keys.example.com.', ['keys.example.com'], 5],
    ['x'.repeat(252), ['x'.repeat(252)], 0],
    ['x'.repeat(254), [], 1],
    ['.', [], 1],
  ])('%s is asked for in order', (name, expected, ndots) => {
    expect(candidates(name, { search: ['a', 'b'], ndots })).toEqual(expected);
  });
});
