import { afterEach, describe, expect, it } from 'vitest';
import type { CredentialUpdate } from '@flotilla/model';
import { openPilot, secretType, type Rig } from './secrets.fixture.ts';

const update = (name: string, version: string): CredentialUpdate => ({ put: new Map([[`shop/${name}`, { certificate: Buffer.from(`cert-${version}`), key: Buffer.from(`key-${version}`) }]]), delete: [] });
let rig: Rig;
afterEach(() => rig.close());

describe.each(['sotw', 'delta'] as const)('a gateway\'s secret, %s', (variant) => {
  const open = async () => {
    rig = await openPilot({ readers: ['shop/gateway'] });
    return rig.connect({ variant, account: 'shop/gateway' });
  };

  it('comes by its name, and a changed one as a push of its own type alone', async () => {
    const gateway = await open();
    rig.give(update('web', '1'));
    gateway.ask(secretType, ['kubernetes://web']);
    const first = await gateway.next();
    expect([first.typeUrl, first.text]).toEqual([secretType, expect.stringContaining('key-1')]);
    rig.give(update('other', '1'));
    rig.give(update('web', '2'));
    const second = await gateway.next();
    expect([second.typeUrl, second.text]).toEqual([secretType, expect.stringContaining('key-2')]);
  });

  it('is awaited by nothing else: all is served while citadel gives nothing, and the secret comes when it does', async () => {
    const gateway = await open();
    gateway.ask(secretType, ['kubernetes://web']);
    expect((await gateway.next()).text).toBe('');
    expect(rig.logged).toMatchObject([{ secrets: ['kubernetes://web'], reason: expect.stringMatching(/no such credential/) as string }]);
    rig.give(update('web', '1'));
    expect((await gateway.next()).text).toContain('key-1');
  });
});
