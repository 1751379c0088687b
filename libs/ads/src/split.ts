import { hashBytes, lengthOf } from '@flotilla/std';
import type { Resource, Send } from './types.ts';

/** What gRPC's libraries take in one message unless they are told otherwise. */
const defaultBytes = 4 << 20;

/**
 * A response as several ones of about so many bytes, each with a nonce of its own, so that they need not be in memory
 * together. The last has the nonce, and what is removed. Only what is requested by names can be split: of another type
 * Envoy takes the first response for all that there is.
 */
export function split(send: Send, bytes = defaultBytes): readonly Send[] {
  const groups = groupsOf(send.resources, bytes);
  if (groups.length < 2) return [send];
  return groups.map((resources, i) =>
    i === groups.length - 1
      ? { ...send, resources }
      : { ...send, resources, removed: [], nonce: hashBytes(`${send.nonce} ${i}`) },
  );
}

/** At least one resource in each, however large. */
function groupsOf(resources: readonly Resource[], bytes: number): Resource[][] {
  const groups: Resource[][] = [];
  let left = 0;
  for (const resource of resources) {
    const length = lengthOf(resource.bytes);
    const group = groups.at(-1);
    if (group && length <= left) group.push(resource);
    else {
      groups.push([resource]);
      left = bytes;
    }
    left -= length;
  }
  return groups;
}
