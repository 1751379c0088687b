import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { startNameServer, type NameServer } from '@flotilla/testing/name-server';
import { createHostResolver } from './resolver.ts';
import type { SystemNames } from './system-names.ts';

let server: NameServer | undefined;
afterEach(() => server?.close());

/** A resolver with a DNS server that knows these names, and what it was asked for. */
async function rig(known: Readonly<Record<string, readonly string[]>>, system: Partial<SystemNames> = {}) {
  const asked: string[] = [];
  server = await startNameServer((name) => {
    if (!asked.includes(name)) asked.push(name);
    return name.includes('slow') ? 'silent' : (known[name] ?? []);
  });
  const names = { hosts: new Map(), servers: [server.address], search: [], ndots: 1, ...system };
  const { lookup } = createHostResolver({
    names: () => names,
    mayConnect: (address) => !address.startsWith('169.254.'),
    timing: { timeout: 60_000, tries: 1 },
  });
  const addressOf = async (hostname: string): Promise<unknown> => promisify(lookup)(hostname, {});
  return { asked, addressOf };
}

describe('a host', () => {
  it('is resolved while DNS answers nothing for many others', async () => {
    const { addressOf, asked } = await rig({ 'good.test': ['10.0.0.1'] });
    for (let i = 0; i < 40; i += 1) addressOf(`slow-${i}.test`).catch(() => {});
    expect(await addressOf('good.test')).toBe('10.0.0.1');
    expect(asked).toContain('slow-39.test');
  });

  it('is taken from the hosts file before DNS, whatever its case and with a dot at its end', async () => {
    const { addressOf, asked } = await rig({}, { hosts: new Map([['keys.test', ['10.0.0.2', 'fd00::2']]]) });
    expect([await addressOf('Keys.test'), await addressOf('keys.test.'), asked]).toEqual(['10.0.0.2', '10.0.0.2', []]);
  });

  it('is found within the search domains, in their order', async () => {
    const { addressOf, asked } = await rig(
      { 'keys.shop.svc.cluster.local': ['10.0.0.3'] },
      { search: ['other.svc.cluster.local', 'shop.svc.cluster.local'], ndots: 5 },
    );
    expect(await addressOf('keys')).toBe('10.0.0.3');
    expect(asked).toEqual(['keys.other.svc.cluster.local', 'keys.shop.svc.cluster.local']);
  });

  it('that is not found anywhere fails with a code, and one at a refused address with the reason', async () => {
    const { addressOf } = await rig({ 'metadata.test': ['169.254.169.254'] });
    await expect(addressOf('nobody.test')).rejects.toMatchObject({ code: expect.stringMatching(/ENOTFOUND|ENODATA/) });
    await expect(addressOf('metadata.test')).rejects.toMatchObject({ limit: 'jwks_address' });
  });
});
