import { describe, expect, it } from 'vitest';
import { cidrContains, parseAddress, parseCidr } from './cidr.ts';

const inside = (cidr: string, ip: string): boolean => {
  const parsed = parseCidr(cidr);
  return parsed !== undefined && cidrContains(parsed, ip);
};

describe('addresses', () => {
  it('of both families', () => {
    expect(parseAddress('10.0.0.255')).toEqual([10, 0, 0, 255]);
    expect(parseAddress('fd00::1:2')?.slice(12)).toEqual([0, 1, 0, 2]);
    expect(parseAddress('::')).toHaveLength(16);
  });
  it.each(['', 'host', '10.0.0', '10.0.0.256', '1:2', '1::2::3', '::12345', ':::', '1:2:3:4:5:6:7:8:9'])('and not %j', (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });
});

describe('CIDRs', () => {
  it('hold what begins with their bits', () => {
    expect(inside('10.1.2.3/16', '10.1.255.0')).toBe(true);
    expect(inside('10.1.0.0/15', '10.2.0.0')).toBe(false);
    expect(inside('0.0.0.0/0', '203.0.113.1')).toBe(true);
    expect(inside('fd00::/9', 'fd7f::1')).toBe(true);
    expect(inside('fd00::/9', 'fd80::1')).toBe(false);
  });
  it('nothing of the other family, and nothing when they are none', () => {
    expect(inside('0.0.0.0/0', '::1')).toBe(false);
    for (const bad of ['10.0.0.0', '10.0.0.0/33', '10.0.0.0/8/8', 'x/8']) expect(parseCidr(bad)).toBeUndefined();
  });
});
