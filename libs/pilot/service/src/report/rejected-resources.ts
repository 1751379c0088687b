/** Envoy's words for resources of types that a proxy takes whole (`LdsApiImpl`, `CdsApiHelper` in its source). */
const beginning = /^Error adding\/updating (?:listener|cluster)\(s\) /;
/** Listeners stand on lines of their own, clusters after commas, and a reason may contain either. */
const separator = /\n|, /;

/**
 * Which resources of a response an error of Envoy's names, with what it says of each: `Error adding/updating
 * listener(s) NAME: reason`. Empty when it names none; then it concerns all of the response. `isSent` is true for the
 * names of the response.
 */
export function rejectedResources(error: string, isSent: (name: string) => boolean): ReadonlyMap<string, string> {
  const reasons = new Map<string, string>();
  const head = beginning.exec(error)?.[0];
  if (head === undefined) return reasons;
  let current: string | undefined;
  for (const part of error.slice(head.length).split(separator)) {
    const name = nameIn(part, isSent);
    if (name === undefined) {
      if (current !== undefined && part !== '') reasons.set(current, `${reasons.get(current) ?? ''}, ${part}`);
      continue;
    }
    current = name;
    reasons.set(name, part);
  }
  return reasons;
}

/** The name of the response that a part begins with, before a colon. Names may have colons, as IPv6 addresses do. */
function nameIn(part: string, isSent: (name: string) => boolean): string | undefined {
  for (let end = part.indexOf(': '); end >= 0; end = part.indexOf(': ', end + 1))
    if (isSent(part.slice(0, end))) return part.slice(0, end);
  return undefined;
}
