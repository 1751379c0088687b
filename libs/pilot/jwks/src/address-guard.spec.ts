import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createAddressGuard, defaultRefusedAddresses } from './address-guard.ts';

const mayConnect = createAddressGuard({ refused: defaultRefusedAddresses, allowed: [] });

describe('addresses that key sets are fetched from', () => {
  it.each([
    '10.0.0.1',
    '192.168.1.1',
    '203.0.113.7',
    '2001:db8::1',
    'fd00::1',
    '::ffff:203.0.113.7',
    '64:ff9b::cb00:7107',
  ])('%s is one', (address) => expect(mayConnect(address)).toBe(true));

  it.each([
    '169.254.169.254',
    '169.254.170.2',
    '::ffff:169.254.169.254',
    '::ffff:a9fe:a9fe',
    '::169.254.169.254',
    '64:ff9b::a9fe:a9fe',
    '64:ff9b:1::169.254.169.254',
    '2002:a9fe:a9fe::1',
    'fe80::1',
    'fe80::a9fe:a9fe%eth0',
    'fd00:ec2::254',
    'fd20:ce::254',
    '168.63.129.16',
    '100.100.100.200',
    '192.0.0.192',
    '127.0.0.1',
    '127.1.2.3',
    '::1',
    '::',
    '0.0.0.0',
    '::ffff:127.0.0.1',
    '224.0.0.1',
    'ff02::1',
    '255.255.255.255',
    'not an address',
    '',
  ])('%s is refused', (address) => expect(mayConnect(address)).toBe(false));

  it('may be allowed although they are refused, and refused although they are private', () => {
    const guard = createAddressGuard({ refused: ['10.0.0.0/8', '127.0.0.0/8'], allowed: ['127.0.0.1/32'] });
    expect(['127.0.0.1', '::ffff:127.0.0.1', '127.0.0.2', '10.1.1.1', '169.254.169.254'].map(guard)).toEqual([
      true,
      true,
      false,
      false,
      true,
    ]);
    expect(() => createAddressGuard({ refused: ['10.0.0.0'], allowed: [] })).toThrow(/not a block of addresses/);
  });

  it('are judged alike as IPv4 and within IPv6', () => {
    const byte = fc.nat(255);
    fc.assert(
      fc.property(fc.tuple(byte, byte, byte, byte), (bytes) => {
        const address = bytes.join('.');
        expect(mayConnect(`::ffff:${address}`)).toBe(mayConnect(address));
        expect(mayConnect(`64:ff9b::${address}`)).toBe(mayConnect(address));
      }),
    );
  });
});
