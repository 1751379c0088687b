import { expect, it } from 'vitest';
import type { Service } from '@flotilla/pilot-registry';
import { allocateAddresses, probe } from './auto-allocate.ts';

const entry = (hostname: string): Service =>
  ({ hostname, namespace: 'shop', defaultAddress: '0.0.0.0', resolution: 'ClientSideLB' }) as unknown as Service;

it('a hash whose steps lead through the same three slots is given up, and its host gets a free address', () => {
  const tried: number[] = [];
  // Modulo 65011 it is 43336: steps of 21675, a third of 65025.
  const slot = probe(43_336, (one) => tried.push(one) > 0);
  expect([slot, new Set(tried).size]).toEqual([undefined, 3]);
  expect(tried.length).toBeLessThan(2000);

  const hosts = Array.from({ length: 64_900 }, (_, i) => `h${i}.test`);
  const crafted = ['x56259.test', 'x64576.test', 'x85587.test'];
  const addresses = allocateAddresses([...hosts, ...crafted].map(entry));
  expect(new Set([...addresses.values()].map(({ v4 }) => v4)).size).toBe(64_903);
});
