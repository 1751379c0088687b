import type { Service } from '@flotilla/pilot-registry';

const maxIPs = 256 * 254;
const prime = 65011;

/**
 * Addresses for ServiceEntries without one, from 240.240.0.0/16 and 2001:2::f0f0:0/112 (Istio's autoAllocateIPs): by a hash of `namespace/host` with
 * double hashing, so that they hardly depend on one another. Wildcards and resolution NONE get none. Keyed by `namespace/host`.
 */
export function allocateAddresses(services: readonly Service[]): Map<string, { v4: string; v6: string }> {
  const taken: (string | undefined)[] = [];
  const found = new Map<string, { v4: string; v6: string }>();
  const allocated = new Set<string>();
  for (const service of services) {
    const key = `${service.namespace}/${service.hostname}`;
    if (service.defaultAddress !== '0.0.0.0' || service.hostname.startsWith('*') || service.resolution === 'Passthrough' || allocated.has(key)) continue;
    if (allocated.size >= maxIPs) break;
    allocated.add(key);
    const hash = fnv32a(key);
    const step = prime - (hash % prime);
    let slot = hash % maxIPs;
    for (let i = 1; taken[slot] !== undefined; i += 1) slot = (hash + i * step) % maxIPs;
    taken[slot] = key;
  }
  for (const [slot, key] of taken.entries()) {
    if (key === undefined) continue;
    const n = slot + 1 + ((slot + 1) % 255 === 0 ? 1 : 0);
    const [third, fourth] = [Math.floor(n / 255), n % 255];
    found.set(key, { v4: `240.240.${third}.${fourth}`, v6: `2001:2::f0f0:${((third << 8) | fourth).toString(16)}` });
  }
  return found;
}

function fnv32a(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return hash;
}
