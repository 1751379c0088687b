import { isIPv4 } from 'node:net';

/** Whether an address is one of this machine's loopback addresses, those of IPv4 within IPv6 included (RFC 4291). */
export function isLoopback(address: string): boolean {
  const bare = address.replace(/^::ffff:/, '');
  return bare === '::1' || (isIPv4(bare) && bare.startsWith('127.'));
}
