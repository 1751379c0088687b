import { hashBytes, lengthOf } from '@flotilla/std';
import type { Resource, Send } from './types.ts';

/** The largest message that gRPC libraries accept by default. */
const defaultBytes = 4 << 20;

/**
 * Splits a response into several of about this many bytes, each with its own nonce, so that they need not be in memory
 * together. The last one has the original nonce and the removed names. Only types that are requested by name can be
 * split: of other types Envoy treats the first response as the complete state.
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

/** At least one resource in each, however large; one group of what fits in it as a whole. */
function groupsOf(resources: readonly Resource[], bytes: number): (readonly Resource[])[] {
  if (fits(resources, bytes)) return [resources];
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

function fits(resources: readonly Resource[], bytes: number): boolean {
  let left = bytes;
  for (const resource of resources) if ((left -= lengthOf(resource.bytes)) < 0) return false;
  return true;
}
