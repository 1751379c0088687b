import { describe, expect, it } from 'vitest';
import { hostsOf, serverHosts } from './hosts.ts';

describe('hosts that a server offers a VirtualService', () => {
  it("are those of any namespace, or of the VirtualService's", () => {
    const server = { hosts: ['a', 'own/b', 'other/c'] };
    expect(serverHosts(server, 'own')).toEqual(['a', 'b']);
    expect(hostsOf({ hosts: ['b/x', 'a/x', 'c'] })).toEqual(['c', 'x']);
  });
});
