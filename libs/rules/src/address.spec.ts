import fc from 'fast-check';
import { hostileText } from '@flotilla/std/hostile-text.fixture';
import { describe, expect, it } from 'vitest';
import { formatPrefix, isAddress, parseAddress, parsePrefix, prefixContains } from './address.ts';

const bytesOf = (text: string): readonly number[] | undefined => {
  const address = parseAddress(text);
  return address.ok ? address.value.bytes : undefined;
};
const inside = (prefix: string, address: string): boolean => {
  const parsed = parsePrefix(prefix);
  return parsed.ok && prefixContains(parsed.value, address);
};

describe('addresses', () => {
  it('of both families', () => {
    expect(bytesOf('10.0.0.255')).toEqual([10, 0, 0, 255]);
    expect(bytesOf('fd00::1:2')).toEqual([253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2]);
    expect(bytesOf('::ffff:10.0.0.1')?.slice(10)).toEqual([255, 255, 10, 0, 0, 1]);
    expect(parseAddress('fe80::1%eth0')).toMatchObject({ ok: true, value: { zone: 'eth0' } });
  });
  it.each(['::', '::1', '1::', '2001:db8::10', '1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7::', '1:2:3:4:5:6:1.2.3.4', '0.0.0.0'])(
    '%s is an address',
    (text) => expect(isAddress(text)).toBe(true),
  );
  it.each([
    '',
    'host',
    '10.0.0',
    '10.0.0.0.1',
    '10.0.0.256',
    '01.0.0.1',
    '1.2.3.4 ',
    '0x7f.0.0.1',
    '127.1',
    '1',
    '10.0.0.1%eth0',
    '%eth0',
    '::%',
    ':',
    ':::',
    '1:2',
    '1:2:3',
    '1::2::3',
    '::12345',
    '1:2:3:4:5:6:7:8:9',
    '1::2:3:4:5:6:7:8',
    'g::',
    '::10.0.0',
    '1.2.3.4::',
    '::1.2.3.4:5',
    '1:2:3:4:5:6:7:1.2.3.4',
    '[::1]',
    '::1/64',
    '１::',
    '1'.repeat(200),
  ])('%s is not an address, as in Go', (text) => expect(parseAddress(text).ok).toBe(false));
});

describe('blocks of addresses', () => {
  it('hold what begins with their bits', () => {
    expect(inside('10.1.2.3/16', '10.1.255.0')).toBe(true);
    expect(inside('10.1.0.0/15', '10.2.0.0')).toBe(false);
    expect(inside('0.0.0.0/0', '203.0.113.1')).toBe(true);
    expect(inside('fd00::/9', 'fd7f::1')).toBe(true);
    expect(inside('fd00::/9', 'fd80::1')).toBe(false);
  });
  it('hold nothing of the other family, and nothing that is not an address', () => {
    expect([inside('0.0.0.0/0', '::1'), inside('::/0', '10.0.0.1'), inside('::/0', 'host')]).toEqual([
      false,
      false,
      false,
    ]);
  });
  it.each([
    ['10.0.0.0', "no '/'"],
    ['10.0.0.0/33', 'prefix length out of range'],
    ['10.0.0.0/8/8', 'ParseAddr("10.0.0.0/8"): unable to parse IP'],
    ['x/8', 'ParseAddr("x"): unable to parse IP'],
    ['10.0.0.0/', 'bad bits after slash: ""'],
    ['10.0.0.0/08', 'bad bits after slash: "08"'],
    ['10.0.0.0/-1', 'bad bits after slash: "-1"'],
    ['::/129', 'prefix length out of range'],
    ['::/1000', 'prefix length out of range'],
    ['fe80::1%eth0/64', 'IPv6 zones cannot be present in a prefix'],
  ])('%j is not one, in the words of Go', (text, why) =>
    expect(parsePrefix(text)).toEqual({ ok: false, error: `netip.ParsePrefix(${JSON.stringify(text)}): ${why}` }),
  );
  it.each([
    ['10.1.2.3/8', '10.1.2.3/8'],
    ['FD00:0:0:0:1:0:0:1/64', 'fd00::1:0:0:1/64'],
    ['1:0:0:2:3:0:0:4/0', '1::2:3:0:0:4/0'],
    ['::/0', '::/0'],
    ['1:2:3:4:5:6:7:0/3', '1:2:3:4:5:6:7:0/3'],
    ['::FFFF:1.2.3.4/96', '::ffff:1.2.3.4/96'],
    ['0:1:0:1:0:1:0:1/8', '0:1:0:1:0:1:0:1/8'],
    ['::1.2.3.4/8', '::102:304/8'],
  ])('%s is written as %s', (text, written) => {
    const prefix = parsePrefix(text);
    expect(prefix.ok ? formatPrefix(prefix.value) : prefix.error).toBe(written);
  });
  it('are read as they were written', () => {
    const bytes = fc.oneof(
      fc.array(fc.nat(255), { minLength: 4, maxLength: 4 }),
      fc.array(fc.constantFrom(0, 0, 0, 1, 255), { minLength: 16, maxLength: 16 }),
    );
    fc.assert(
      fc.property(
        bytes.chain((all) => fc.record({ bytes: fc.constant(all), length: fc.nat(8 * all.length) })),
        (prefix) => {
          expect(parsePrefix(formatPrefix(prefix))).toEqual({ ok: true, value: prefix });
        },
      ),
    );
  });
});

it('never throws, whatever the text', () => {
  fc.assert(
    fc.property(hostileText('01f.:/%', ['::', '255', '1.2.3.4', '/8', 'ffff:']), (text) => {
      if (isAddress(text)) expect(text).toMatch(/^[0-9a-fA-F.:]{2,}(%.+)?$/s);
      parsePrefix(text);
    }),
    { numRuns: 500 },
  );
});
