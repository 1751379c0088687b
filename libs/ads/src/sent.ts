import { shareOf } from '@flotilla/std';
import type { Resource, Subscription } from './types.ts';

/** What a client holds of a type, and the sum that makes the version of it all: kept up from response to response, so that one change among many costs one. */
type Sent = Pick<Subscription, 'sent' | 'sum'>;

const share = (name: string, version: string): bigint => shareOf(`${name}\0${version}`);

const shares = new WeakMap<Resource, bigint>();
/** A resource's share in the version of all: made once for all streams that are sent it. */
function shareOfResource(resource: Resource): bigint {
  const known = shares.get(resource) ?? share(resource.name, resource.version);
  shares.set(resource, known);
  return known;
}

export const sumOf = (resources: readonly Resource[]): bigint => resources.reduce((sum, resource) => sum + shareOfResource(resource), 0n);

/** What a client says that it holds, as names and versions. */
export function holding(versions: Iterable<readonly [string, string]>): Sent {
  const sent = new Map(versions);
  return { sent, sum: [...sent].reduce((sum, [name, version]) => sum + share(name, version), 0n) };
}

/** What was sent, less what is not wanted any more. */
export function keep({ sent, sum }: Sent, isWanted: (name: string) => boolean): Sent {
  const gone = [...sent].filter(([name]) => !isWanted(name));
  if (gone.length === 0) return { sent, sum };
  return { sent: new Map([...sent].filter(([name]) => isWanted(name))), sum: gone.reduce((left, [name, version]) => left - share(name, version), sum) };
}

interface Sending { readonly removed: readonly string[]; readonly current: Iterable<Resource>; readonly isAll: boolean }

/** What the client holds after a response; where that is not all there is, the rest stays as it was. */
export function withSent(before: Sent, { removed, current, isAll }: Sending): Sent {
  const sent = isAll ? new Map<string, string>() : new Map(before.sent);
  let { sum } = before;
  for (const name of removed) {
    const old = before.sent.get(name);
    if (old === undefined) continue;
    sent.delete(name);
    sum -= share(name, old);
  }
  for (const resource of current) {
    const { name, version } = resource;
    const old = before.sent.get(name);
    sent.set(name, version);
    if (old !== version) sum += shareOfResource(resource) - (old === undefined ? 0n : share(name, old));
  }
  return { sent, sum };
}
