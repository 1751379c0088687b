import type { Subscription } from './types.ts';
import { Versions } from './versions.ts';

/** What one stream has requested and was sent. It belongs to that stream: `step` updates it in place. */
export interface State {
  readonly subscriptions: Map<string, Subscription>;
  variant: 'sotw' | 'delta';
  /** What countNames has counted, until it may be another number. */
  counted: number | undefined;
}

export const createState = (): State => ({ subscriptions: new Map(), variant: 'sotw', counted: undefined });

/** `held` is what the client says that it holds already, by name. */
export const createSubscription = (held?: Iterable<readonly [string, string]>): Subscription => ({
  wildcard: false,
  names: new Set(),
  waiting: new Set(),
  asked: [],
  sent: new Versions(held),
  nonce: '',
});

/** How many names a stream keeps: those it has requested, or of which the client holds a version. */
export function countNames(state: State): number {
  if (state.counted !== undefined) return state.counted;
  let count = 0;
  for (const { names, waiting, sent } of state.subscriptions.values())
    count += Math.max(names.size + waiting.size, sent.size);
  state.counted = count;
  return count;
}
