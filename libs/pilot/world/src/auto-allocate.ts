import { hostKey, type HostKey, type Service } from '@flotilla/pilot-registry';
import { isWildcard } from '@flotilla/rules';

const maxIPs = 255 * 255;
const prime = 65011;
/**
 * So many slots are tried, then the first free one is taken: where few are free, Istio's steps can go through the same
 * three slots 200,000 times before they reach others, and hosts may be named so that they do.
 */
const maxProbes = 1000;

/**
 * Addresses for ServiceEntries without one, from 240.240.0.0/16 and 2001:2::f0f0:0/112 (Istio's autoAllocateIPs): by a
 * hash of `namespace/host` with double hashing, so that they hardly depend on one another. Wildcards and resolution
 * NONE get none. A second service of one key takes a slot and shares the address. Services come in the order of all
 * services.
 */
export function allocateAddresses(services: readonly Service[]): Map<HostKey, { v4: string; v6: string }> {
  const slots = new Map<number, HostKey>();
  let firstFree = 0;
  for (const service of services) {
    if (service.defaultAddress !== '0.0.0.0' || isWildcard(service.hostname) || service.resolution === 'Passthrough')
      continue;
    if (slots.size >= maxIPs) break;
    const hash = fnv32a(`${service.namespace}/${service.hostname}`);
    let slot = probe(hash, (one) => slots.has(one));
    if (slot === undefined) {
      while (slots.has(firstFree)) firstFree += 1;
      slot = firstFree;
    }
    slots.set(slot, hostKey(service));
  }
  const found = new Map<HostKey, { v4: string; v6: string }>();
  let shared = 0;
  for (const [slot, key] of [...slots].sort(([a], [b]) => a - b)) {
    if (found.has(key)) shared += 1;
    else found.set(key, addressAt(slot + 1 - shared));
  }
  return found;
}

/** The first free slot on the way that a hash gives; undefined when none is found in `maxProbes` steps. */
export function probe(hash: number, isTaken: (slot: number) => boolean): number | undefined {
  const step = prime - (hash % prime);
  for (let i = 0; i <= maxProbes; i += 1) {
    const slot = ((hash + i * step) % 2 ** 32) % maxIPs;
    if (!isTaken(slot)) return slot;
  }
  return undefined;
}

/** The n-th address, counted from 1: a last byte is never 0 or 255. IPv6 has the same bytes, without leading zeros. */
function addressAt(n: number): { v4: string; v6: string } {
  const position = n + Math.floor((n - 1) / 254);
  const [third, fourth] = [Math.floor(position / 255), position % 255];
  return {
    v4: `240.240.${third}.${fourth}`,
    v6: `2001:2::f0f0:${third === 0 ? '' : third.toString(16)}${fourth.toString(16)}`,
  };
}

function fnv32a(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return hash;
}
