import type { Subscription } from './types.ts';
import { Versions } from './versions.ts';

/** What one stream has requested and was sent. It belongs to that stream: `step` updates it in place. */
export interface State {
  readonly subscriptions: Map<string, Subscription>;
  variant: 'sotw' | 'delta';
}

export const createState = (): State => ({ subscriptions: new Map(), variant: 'sotw' });

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
export function countNames({ subscriptions }: State): number {
  let count = 0;
  for (const { names, waiting, sent } of subscriptions.values())
    count += Math.max(names.size + waiting.size, sent.size);
  return count;
}
