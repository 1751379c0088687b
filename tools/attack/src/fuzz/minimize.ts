import type { Fault } from './work.ts';

/** Tries that take 10 s each must come to an end too. */
const maxMs = 60_000;
/** So many candidates go to one thread, since its start costs more than reading them. */
const candidatesAtOnce = 500;

/**
 * Leaves out parts of an input, halves first, for as long as a fault of the same kind remains. `read` gives the first
 * fault among inputs.
 */
export async function minimize(
  fault: Fault,
  read: (inputs: readonly Uint8Array[]) => Promise<Fault | undefined>,
): Promise<Fault> {
  const kind = kindOf(fault.reason);
  const until = Date.now() + maxMs;
  let best = fault;
  for (let size = Math.ceil(best.input.length / 2); size >= 1 && Date.now() < until;) {
    const smaller = await firstOf(parts(best.input, size), kind, { read, until });
    if (smaller) best = smaller;
    else size = size === 1 ? 0 : Math.ceil(size / 2);
    size = Math.min(size, best.input.length);
  }
  return best;
}

const kindOf = (reason: string): string => /^it (?:throws \w+|\w+ \w+)/.exec(reason)?.[0] ?? reason;

function* parts(input: Uint8Array, size: number): Iterable<Uint8Array> {
  for (let from = 0; from < input.length; from += size)
    yield Buffer.concat([input.subarray(0, from), input.subarray(from + size)]);
}

interface Search {
  readonly read: (inputs: readonly Uint8Array[]) => Promise<Fault | undefined>;
  readonly until: number;
}

async function firstOf(
  candidates: Iterable<Uint8Array>,
  kind: string,
  { read, until }: Search,
): Promise<Fault | undefined> {
  const all = [...candidates];
  for (let i = 0; i < all.length && Date.now() < until; i += candidatesAtOnce) {
    const fault = await read(all.slice(i, i + candidatesAtOnce));
    if (fault && kindOf(fault.reason) === kind) return fault;
  }
  return undefined;
}
