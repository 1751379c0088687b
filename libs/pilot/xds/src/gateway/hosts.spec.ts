import { describe, expect, it } from 'vitest';
import { hostsOf, intersection, serverHosts } from './hosts.ts';

describe('hosts that a server and a VirtualService share', () => {
  it('are the more specific of each pair', () => {
    expect(intersection(['a.test', 'b.test'], ['*.test'])).toEqual(['a.test', 'b.test']);
    expect(intersection(['*.test'], ['*.x.test', 'y.test', 'z.example'])).toEqual(['*.x.test', 'y.test']);
    expect(intersection(['*'], ['*'])).toEqual(['*']);
  });

  it("are those of any namespace, or of the VirtualService's", () => {
    const server = { hosts: ['a', 'own/b', 'other/c'] };
    expect(serverHosts(server, 'own')).toEqual(['a', 'b']);
    expect(hostsOf({ hosts: ['b/x', 'a/x', 'c'] })).toEqual(['c', 'x']);
  });
});
