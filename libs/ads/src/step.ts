import { followers, respond, type Context, type Response } from './respond.ts';
import { split } from './split.ts';
import { createSubscription, type State } from './state.ts';
import type { Changes, Effect, Event, NameLimits, Protocol, RequestEvent, Send, Subscription } from './types.ts';

const maxErrorLength = 2048;

type Sotw = Extract<RequestEvent, { kind: 'sotw' }>;
type Delta = Extract<RequestEvent, { kind: 'delta' }>;
type Continue = Extract<Event, { kind: 'continue' }>;

/**
 * One xDS stream as a state machine, in both variants ("xDS REST and gRPC protocol" in Envoy's documentation). Each
 * type that is served goes its own way:
 *
 *   not asked for ──(first request: answered, always)──▶ subscribed
 *
 *   subscribed, on a request with the last nonce: acked or rejected, then what it newly requests
 *                          with an older nonce:   acked or rejected; in delta, what it newly requests
 *               on `changed`:  what differs from what was sent, with what must follow it
 *               on `continue`: the next of what a large request contains
 *
 * Types that are not served get no answer, as Istio does, and leave nothing behind. `state` belongs to one stream and
 * is updated in place. The step is deterministic and does no I/O. A request costs what is in it and what it newly asks
 * for, however much the stream has asked for before.
 */
export function step(state: State, event: Event, context: Context): readonly Effect[] {
  if (event.kind === 'changed') return push(state, event.types, { context }).flatMap(sendsOf(context));
  if (event.kind === 'continue') return onContinue(state, event.typeUrl, context);
  state.variant = event.kind;
  if (!context.protocol.order.includes(event.typeUrl)) return [];
  return event.kind === 'sotw' ? onSotw(state, event, context) : onDelta(state, event, context);
}

function onSotw(state: State, event: Sotw, context: Context): readonly Effect[] {
  const { typeUrl, names, nonce } = event;
  const known = state.subscriptions.get(typeUrl);
  const verdicts = known && nonce !== '' ? [verdict(event)] : [];
  if (known && nonce !== known.nonce) return verdicts;
  // So a client repeats them with every acknowledgement; the reader of requests may give the very list again.
  if (names === known?.asked) return verdicts;
  const asked = new Set(names);
  const { whole, limits } = context.protocol;
  const wildcard = whole.has(typeUrl) && (names.length === 0 || asked.has('*'));
  asked.delete('*');
  const subscription = known ?? createSubscription();
  subscription.asked = names;
  const added = [...asked].filter((name) => !subscription.names.has(name));
  const dropped = [...subscription.names].filter((name) => !asked.has(name));
  const isTurned = wildcard !== subscription.wildcard;
  const now = added.slice(0, limits.namesPerStep);
  const refused = subscribe(state, typeUrl, {
    subscription,
    added: now,
    waiting: added.slice(now.length),
    dropped,
    // In the order of the list: clients that request the same are sent the same bytes.
    ...(now.length === added.length ? { names: asked } : {}),
    wildcard,
    limits,
  });
  if (refused) return [refused];
  if (!wildcard && (isTurned || dropped.length > 0)) subscription.sent.keep((name) => asked.has(name));
  const changes =
    !known || isTurned || added.length + dropped.length > 0
      ? [subscribed(typeUrl, subscription, { added: now, dropped })]
      : [];
  if (known && added.length === 0 && !(isTurned && wildcard)) return [...changes, ...verdicts];
  const forced = new Set(known ? now : []);
  const response = respond(state, typeUrl, {
    context,
    forced,
    all: !known || wildcard,
    ...(known && !wildcard ? { only: forced } : {}),
  });
  return [...changes, ...verdicts, ...sendsOf(context)(response), ...unfinished(typeUrl, subscription)];
}

function onDelta(state: State, event: Delta, context: Context): readonly Effect[] {
  const { typeUrl, unsubscribe, nonce, initialVersions } = event;
  const { whole, limits, follows } = context.protocol;
  const known = state.subscriptions.get(typeUrl);
  // An answer that a later response has overtaken says nothing of that one, but its subscriptions are said once and
  // hold.
  const verdicts = known && nonce !== '' ? [verdict(event)] : [];
  if (known && event.subscribe.length === 0 && unsubscribe.length === 0) return verdicts;
  const asked = new Set(event.subscribe);
  const gone = new Set(unsubscribe);
  const isAll = asked.delete('*') || (!known && whole.has(typeUrl) && event.subscribe.length === 0);
  const wildcard = (known?.wildcard === true || isAll) && !gone.has('*');
  // Names that a new client holds but does not request are ignored.
  const held = known ? [] : [...initialVersions].filter(([name]) => wildcard || asked.has(name));
  const subscription = known ?? createSubscription(held);
  const added = [...asked].filter(
    (name) => !subscription.names.has(name) && !subscription.waiting.has(name) && !gone.has(name),
  );
  const dropped = [...gone].filter((name) => subscription.names.has(name));
  const isTurned = wildcard !== subscription.wildcard;
  const now = added.slice(0, limits.namesPerStep);
  const later = new Set(added.slice(now.length));
  const refused = subscribe(state, typeUrl, {
    subscription,
    added: now,
    waiting: joined(subscription.waiting, { added: later, gone }),
    dropped,
    wildcard,
    limits,
  });
  if (refused) return [refused];
  for (const name of gone) subscription.sent.delete(name);
  if (isTurned && !wildcard) subscription.sent.keep((name) => subscription.names.has(name));
  const changes =
    !known || isTurned || added.length + dropped.length > 0
      ? [subscribed(typeUrl, subscription, { added: now, dropped })]
      : [];
  if (known && event.subscribe.length === 0) return [...changes, ...verdicts];
  // What a client that comes back holds already is sent only if it differs. But whether it waits for what follows
  // another type it doesn't say.
  const isFollower = follows.some(({ type }) => type === typeUrl);
  const isHeld = (name: string): boolean => !known && !isFollower && initialVersions.has(name);
  // Names that wait have their own steps, and those that are let go at once none.
  const isDue = (name: string): boolean => !subscription.waiting.has(name) && !gone.has(name);
  const forced = new Set([...asked].filter((name) => !isHeld(name) && isDue(name)));
  const isWhole = !known || (isTurned && wildcard);
  const response = respond(state, typeUrl, { context, forced, first: !known, ...(isWhole ? {} : { only: forced }) });
  return [
    ...changes,
    ...verdicts,
    ...push(state, new Map(), { context, sent: response }).flatMap(sendsOf(context)),
    ...unfinished(typeUrl, subscription),
  ];
}

function onContinue(state: State, typeUrl: string, context: Context): readonly Effect[] {
  const subscription = state.subscriptions.get(typeUrl);
  if (!subscription || subscription.waiting.size === 0) return [];
  const now: string[] = [];
  for (const name of subscription.waiting) {
    if (now.length >= context.protocol.limits.namesPerStep) break;
    subscription.waiting.delete(name);
    subscription.names.add(name);
    now.push(name);
  }
  const forced = new Set(now);
  const response = respond(state, typeUrl, { context, forced, only: forced });
  const responses = state.variant === 'delta' ? push(state, new Map(), { context, sent: response }) : [response];
  return [
    subscribed(typeUrl, subscription, { added: now, dropped: [] }),
    ...responses.flatMap(sendsOf(context)),
    ...unfinished(typeUrl, subscription),
  ];
}

const unfinished = (typeUrl: string, { waiting }: Subscription): readonly Effect[] =>
  waiting.size > 0 ? [{ kind: 'unfinished', typeUrl }] : [];

/** The names that wait, changed in place at the cost of what changes. */
function joined(
  waiting: Set<string>,
  { added, gone }: { readonly added: Iterable<string>; readonly gone: Iterable<string> },
): Set<string> {
  for (const name of added) waiting.add(name);
  for (const name of gone) waiting.delete(name);
  return waiting;
}

const noNames: ReadonlySet<string> = new Set();

/** Sends what has changed, in the protocol's order; `sent` is what this step has sent already. Returns that too. */
function push(
  state: State,
  changed: Changes,
  { context, sent }: { readonly context: Context; readonly sent?: Response | undefined },
): readonly Response[] {
  const responses = sent ? [sent] : [];
  for (const typeUrl of context.protocol.order) {
    const subscription = state.subscriptions.get(typeUrl);
    if (!subscription) continue;
    const forced =
      responses.length === 0 ? noNames : followers(typeUrl, subscription, { responses, protocol: context.protocol });
    const names = changed.get(typeUrl);
    if (names === undefined && forced.size === 0) continue;
    const only = names === 'all' ? undefined : forced.size === 0 ? names : new Set([...(names ?? []), ...forced]);
    const response = respond(state, typeUrl, { context, forced, onlyIfDifferent: true, ...(only ? { only } : {}) });
    if (response) responses.push(response);
  }
  return responses;
}

/** What is sent of a response. */
const sendsOf =
  ({ protocol }: Context) =>
  (response: Response | undefined): readonly Send[] =>
    response === undefined ? [] : protocol.whole.has(response.send.typeUrl) ? [response.send] : split(response.send);

/**
 * The names that the step for an event subscribes to, for those who prepare answers and let them go when it has: none
 * of a request that has no effect. Looks at no more than the request.
 */
export function newNames(state: State, event: RequestEvent | Continue, { limits }: Protocol): readonly string[] {
  const found = new Set<string>();
  for (const name of addedNames(state, event)) {
    if (found.size >= limits.namesPerStep) break;
    found.add(name);
  }
  return [...found];
}

/** All names that an event subscribes to in the end; one that it repeats is repeated here. */
export function* addedNames(state: State, event: RequestEvent | Continue): Iterable<string> {
  const known = state.subscriptions.get(event.typeUrl);
  if (event.kind === 'continue') return yield* known?.waiting ?? [];
  if (event.kind === 'sotw' && known && (event.nonce !== known.nonce || event.names === known.asked)) return;
  const gone = new Set(event.kind === 'delta' ? event.unsubscribe : []);
  const isNew = (name: string): boolean =>
    name !== '*' && !known?.names.has(name) && (event.kind === 'sotw' || !(known?.waiting.has(name) || gone.has(name)));
  for (const name of event.kind === 'delta' ? event.subscribe : event.names) if (isNew(name)) yield name;
}

function verdict({ typeUrl, nonce, error }: RequestEvent): Effect {
  return error === undefined
    ? { kind: 'acked', typeUrl, nonce }
    : { kind: 'rejected', typeUrl, nonce, error: error.slice(0, maxErrorLength) };
}

const subscribed = (
  typeUrl: string,
  { wildcard, names }: Subscription,
  { added, dropped }: { added: readonly string[]; dropped: readonly string[] },
): Effect => ({ kind: 'subscribed', typeUrl, added, dropped, wildcard, size: names.size });

interface SubscriptionChange {
  readonly subscription: Subscription;
  readonly added: readonly string[];
  readonly dropped: readonly string[];
  /** All names that come of it, where there is a set of them that the subscription may keep. */
  readonly names?: Set<string>;
  readonly waiting: Iterable<string>;
  readonly wildcard: boolean;
  readonly limits: NameLimits;
}
/** Changes a subscription, unless that is more than a client may have. */
function subscribe(
  state: State,
  typeUrl: string,
  { subscription, added, dropped, names: all, waiting, wildcard, limits }: SubscriptionChange,
): Effect | undefined {
  state.counted = undefined;
  if (all) subscription.names = all;
  else {
    for (const name of dropped) subscription.names.delete(name);
    for (const name of added) subscription.names.add(name);
  }
  subscription.waiting = waiting instanceof Set ? waiting : new Set(waiting);
  subscription.wildcard = wildcard;
  state.subscriptions.set(typeUrl, subscription);
  const size = sizeOf(subscription);
  if (size > limits.namesPerType)
    return {
      kind: 'refuse',
      limit: 'xds_names_per_type',
      message: `more than ${limits.namesPerType} names of ${typeUrl} on one stream`,
    };
  let names = 0;
  for (const each of state.subscriptions.values()) names += sizeOf(each);
  if (names > limits.names)
    return {
      kind: 'refuse',
      limit: 'xds_names',
      message: `more than ${limits.names} names of all types on one stream`,
    };
  return undefined;
}

const sizeOf = ({ names, waiting }: Subscription): number => names.size + waiting.size;
