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
