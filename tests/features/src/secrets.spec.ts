import { afterEach, describe, expect, it } from 'vitest';
import type { SecretUpdate } from '@flotilla/citadel-credentials';
import { openPilot, secretType, type Rig } from './secrets.fixture.ts';

const update = (name: string, version: string): SecretUpdate => ({
  put: new Map([
    [
      `shop/${name}`,
      {
        certificate: Buffer.from(`cert-${version}`),
        key: Buffer.from(`key-${version}`),
        roots: Buffer.from(`roots-${version}`),
      },
    ],
  ]),
  delete: [],
});
let rig: Rig;
afterEach(() => rig.close());

describe.each(['sotw', 'delta'] as const)("a gateway's secret, %s", (variant) => {
  const open = async (maxCredentials = 100) => {
    rig = await openPilot({ readers: ['shop/gateway'], maxCredentials });
    return rig.connect({ variant, account: 'shop/gateway' });
  };

  it('comes by its name, and a changed one as a push of its own type alone', async () => {
    const gateway = await open();
    rig.give(update('web', '1'));
    gateway.ask(secretType, ['kubernetes://web']);
    expect((await gateway.nextWith('key-1')).typeUrl).toBe(secretType);
    rig.give(update('other', '1'));
    rig.give(update('web', '2'));
    const second = await gateway.next();
    expect([second.typeUrl, second.text]).toEqual([secretType, expect.stringContaining('key-2')]);
  });

  it('is awaited by nothing else: all is served while there is none, and the secret comes when there is', async () => {
    const gateway = await open();
    gateway.ask(secretType, ['kubernetes://web']);
    expect((await gateway.settled()).map(({ text }) => text).join('')).toBe('');
    expect(rig.logged).toMatchObject([
      { secrets: ['kubernetes://web'], reason: expect.stringMatching(/no such Secret/) as string },
    ]);
    rig.give(update('web', '1'));
    expect((await gateway.next()).text).toContain('key-1');
    rig.give({ delete: ['shop/web'] });
    await gateway.settled();
    expect(rig.logged).toHaveLength(2);
  });

  it("is in pilot's memory while a gateway that may have it is connected and asks for it, and no other is", async () => {
    const [gateway, second, sidecar] = [
      await open(),
      await rig.connect({ variant, account: 'shop/gateway', name: 'second' }),
      await rig.connect({ variant, account: 'shop/web', type: 'sidecar' }),
    ];
    for (const name of ['web', 'api', 'other']) rig.give(update(name, '1'));
    sidecar.ask(secretType, ['kubernetes://other', 'kubernetes://web']);
    await sidecar.settled();
    expect([...rig.followed]).toEqual([]);
    gateway.ask(secretType, ['kubernetes://web', 'kubernetes://shop/api', 'kubernetes://elsewhere/other']);
    second.ask(secretType, ['kubernetes://shop/web-cacert', 'kubernetes://shop/web']);
    await Promise.all([gateway.settled(), second.settled()]);
    expect([[...rig.followed].sort(), rig.held()]).toEqual([
      ['shop/api', 'shop/web', 'shop/web-cacert'],
      ['shop/api', 'shop/web', 'shop/web-cacert'],
    ]);
    const dropped = rig.dropped('shop/api');
    gateway.close();
    await dropped;
    expect([[...rig.followed].sort(), rig.held()]).toEqual([
      ['shop/web', 'shop/web-cacert'],
      ['shop/web', 'shop/web-cacert'],
    ]);
    rig.give(update('api', '2'));
    await second.settled();
    expect(rig.held()).toEqual(['shop/web', 'shop/web-cacert']);
  });

  it('by the name of its roots alone brings no private key to pilot', async () => {
    const gateway = await open();
    rig.give(update('web', '1'));
    gateway.ask(secretType, ['kubernetes://web-cacert']);
    expect((await gateway.nextWith('roots-1')).text).not.toContain('key-1');
    expect(rig.held()).toEqual(['shop/web-cacert']);
  });

  it('waits until another is released when its namespace has as many as are left for others', async () => {
    const gateway = await open(4);
    const second = await rig.connect({ variant, account: 'shop/gateway', name: 'second' });
    for (const name of ['a', 'b', 'c']) rig.give(update(name, name));
    gateway.ask(secretType, ['kubernetes://a', 'kubernetes://b']);
    await gateway.nextWith('key-b');
    second.ask(secretType, ['kubernetes://c']);
    expect((await second.settled()).map(({ text }) => text).join('')).toBe('');
    expect(rig.logged).toEqual(
      expect.arrayContaining([expect.objectContaining({ limit: 4, setting: '--max-credentials' })]),
    );
    gateway.close();
    expect((await second.nextWith('key-c')).names.length).toBe(1);
    expect([...rig.followed]).toEqual(['shop/c']);
  });
});
