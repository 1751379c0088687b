import { hashBytes, sumText } from '@flotilla/std';
import type { Effect, Event, Protocol, Resource, Source, State, Subscription } from './types.ts';
import { sumOf, Versions } from './versions.ts';

export const initialState: State = { subscriptions: new Map() };
const none: Subscription = { wildcard: false, names: new Set(), asked: [], sent: Versions.none, nonce: '' };
const maxErrorLength = 2048;

/**
 * One xDS stream as a pure state machine, both variants (xDS protocol, "The xDS REST and gRPC protocol"):
 *
 *   request with a stale nonce            -> nothing; in delta, what it newly asks for
 *   request with the last nonce           -> acked, or rejected; then what it newly asks for
 *   first request of a type               -> answered, always
 *   changed                               -> what differs from what was sent, in the protocol's order, with what must follow it
 */
export function step(state: State, event: Event, context: { source: Source; protocol: Protocol }): readonly [State, readonly Effect[]] {
  switch (event.kind) {
    case 'changed': return push(state, event.types, context);
    case 'sotw': return onSotw({ ...state, variant: 'sotw' }, event, context);
    case 'delta': return onDelta({ ...state, variant: 'delta' }, event, context);
  }
}

type Context = { readonly source: Source; readonly protocol: Protocol };
type Result = readonly [State, readonly Effect[]];

const withSubscription = (state: State, typeUrl: string, subscription: Subscription): State =>
  ({ ...state, subscriptions: new Map(state.subscriptions).set(typeUrl, subscription) });

function verdict(typeUrl: string, nonce: string, error: string | undefined): Effect {
  return error === undefined ? { kind: 'acked', typeUrl, nonce } : { kind: 'rejected', typeUrl, nonce, error: error.slice(0, maxErrorLength) };
}

const tooMany = (typeUrl: string, { maxNames }: Protocol): Effect => ({ kind: 'refuse', message: `more than ${maxNames} names asked for of ${typeUrl}` });

function onSotw(state: State, { typeUrl, names, nonce, error }: Extract<Event, { kind: 'sotw' }>, context: Context): Result {
  if (names.length > context.protocol.maxNames) return [state, [tooMany(typeUrl, context.protocol)]];
  const known = state.subscriptions.get(typeUrl);
  const wildcard = context.protocol.whole.has(typeUrl) && (names.length === 0 || names.includes('*'));
  // A nonce of an earlier stream: the client has reconnected, and what it holds isn't known.
  if (!known) return respond(withSubscription(state, typeUrl, { ...none, wildcard, names: new Set(names), asked: names }), typeUrl, { context, all: true });
  if (nonce !== known.nonce) return [state, []];
  const verdicts = nonce === '' ? [] : [verdict(typeUrl, nonce, error)];
  // So a client repeats them with every acknowledgement; whoever decodes may give the very list again.
  if (names === known.asked) return [state, verdicts];
  const asked = new Set(names);
  const added = names.filter((name) => !known.names.has(name));
  const isLeft = [...known.names].some((name) => !asked.has(name));
  if (added.length === 0 && asked.size === known.names.size && wildcard === known.wildcard) return [withSubscription(state, typeUrl, { ...known, asked: names }), verdicts];
  const next = withSubscription(state, typeUrl, { ...known, wildcard, names: asked, asked: names, ...(isLeft && !wildcard ? { sent: known.sent.keep((name) => asked.has(name)) } : {}) });
  if (added.length === 0 && (wildcard === known.wildcard || !wildcard)) return [next, verdicts];
  const forced = new Set(added);
  const [answered, effects] = respond(next, typeUrl, { context, forced, all: wildcard, ...(wildcard ? {} : { only: forced }) });
  return [answered, [...verdicts, ...effects]];
}

function onDelta(state: State, event: Extract<Event, { kind: 'delta' }>, context: Context): Result {
  const { typeUrl, subscribe, unsubscribe, nonce, error, initialVersions } = event;
  const known = state.subscriptions.get(typeUrl);
  // An acknowledgement that a later response has overtaken tells nothing of that one, but its subscriptions are said once and hold.
  const verdicts = known && nonce !== '' && nonce === known.nonce ? [verdict(typeUrl, nonce, error)] : [];
  if (known && subscribe.length === 0 && unsubscribe.length === 0) return [state, verdicts];
  const base = known ?? { ...none, sent: Versions.of(Object.entries(initialVersions)), wildcard: context.protocol.whole.has(typeUrl) && subscribe.length === 0 };
  const gone = new Set(unsubscribe);
  const names = new Set([...base.names, ...subscribe.filter((name) => name !== '*')].filter((name) => !gone.has(name)));
  if (names.size > context.protocol.maxNames) return [state, [tooMany(typeUrl, context.protocol)]];
  const wildcard = (base.wildcard || subscribe.includes('*')) && !gone.has('*');
  const next = withSubscription(state, typeUrl, { ...base, names, wildcard, sent: gone.size === 0 ? base.sent : base.sent.keep((name) => !gone.has(name)) });
  if (known && subscribe.length === 0) return [next, verdicts];
  // What a client that comes back holds already is sent only if it differs. But whether it waits for what follows another type it doesn't say.
  const follows = context.protocol.follows.some(({ type }) => type === typeUrl);
  const isHeld = (name: string): boolean => !known && !follows && Object.hasOwn(initialVersions, name);
  const forced = new Set(subscribe.filter((name) => name !== '*' && !isHeld(name)));
  const [answered, effects] = respond(next, typeUrl, { context, forced, first: !known, ...(known ? { only: forced } : {}) });
  const [followed, all] = push(answered, new Map(), { ...context, before: next, sent: effects });
  return [followed, [...verdicts, ...all]];
}

/** `sent` is what this step has sent already, to a client that held what `before` tells. */
function push(state: State, changed: ReadonlyMap<string, ReadonlySet<string> | 'all'>, context: Context & { readonly before?: State; readonly sent?: readonly Effect[] }): Result {
  const { before = state, sent = [] } = context;
  let current = state;
  const effects: Effect[] = [...sent];
  for (const typeUrl of context.protocol.order) {
    if (!current.subscriptions.has(typeUrl)) continue;
    const forced = followers(typeUrl, effects, { state: current, before, protocol: context.protocol });
    const names = changed.get(typeUrl);
    if (names === undefined && forced.size === 0) continue;
    const only = names === 'all' ? undefined : new Set([...(names ?? []), ...forced]);
    const [next, sends] = respond(current, typeUrl, { context, forced, onlyIfDifferent: true, ...(only ? { only } : {}) });
    current = next;
    effects.push(...sends);
  }
  return [current, effects];
}

/** What must be sent again because of what has been sent already. */
function followers(typeUrl: string, sent: readonly Effect[], { state, before, protocol }: { state: State; before: State; protocol: Protocol }): Set<string> {
  const names = state.subscriptions.get(typeUrl)?.names ?? new Set<string>();
  const forced = new Set<string>();
  for (const { after, sameName } of protocol.follows.filter(({ type }) => type === typeUrl)) {
    const versions = before.subscriptions.get(after)?.sent;
    const changed = sent.flatMap((effect) => (effect.kind === 'send' && effect.typeUrl === after ? effect.resources.filter(({ name, version }) => versions?.get(name) !== version) : []));
    if (changed.length > 0 && !sameName) for (const name of names) forced.add(name);
    else for (const { name } of changed) if (names.has(name)) forced.add(name);
  }
  return forced;
}

interface Response { readonly context: Context; readonly forced?: ReadonlySet<string>; readonly all?: boolean; readonly first?: boolean; readonly onlyIfDifferent?: boolean; readonly only?: ReadonlySet<string> }

function respond(state: State, typeUrl: string, { context, forced = new Set(), all = false, first = false, onlyIfDifferent = false, only }: Response): Result {
  const subscription = state.subscriptions.get(typeUrl) ?? none;
  // Where the source says which names changed, the others are as they were sent.
  const some = subscription.wildcard || !only ? undefined : new Set([...only].filter((name) => subscription.names.has(name)));
  const { current, unavailable } = currentOf(some ? { ...subscription, names: some } : subscription, typeUrl, context.source);
  const isLooked = (name: string): boolean => (!some || some.has(name)) && !unavailable.has(name);
  const differs = ({ name, version }: Resource): boolean => all || forced.has(name) || subscription.sent.get(name) !== version;
  const removed = [...new Set([...(some ?? subscription.sent.names()), ...forced])].filter((name) => isLooked(name) && !current.has(name));
  const whole = state.variant === 'sotw' && context.protocol.whole.has(typeUrl);
  const changed = [...current.values()].filter(differs);
  const newlyGone = removed.filter((name) => subscription.sent.get(name) !== undefined);
  const nothing = changed.length === 0 && (whole || state.variant === 'delta' ? newlyGone.length === 0 : true);
  if (nothing && (onlyIfDifferent || (state.variant === 'delta' && !first && forced.size === 0))) return [state, []];
  const sent = subscription.sent.with(current.values(), removed);
  const version = sumText(sent.sum);
  const resources = whole ? [...current.values()] : changed;
  // All that is in the response and what it follows: streams in one state get the same bytes. A response sent again is another one.
  const made = hashBytes([typeUrl, sumText(subscription.sent.sum), version, sumText(sumOf(resources)), ...removed].join('\0'));
  const nonce = made === subscription.nonce ? hashBytes(made) : made;
  const next = withSubscription(state, typeUrl, { ...subscription, sent, nonce });
  return [next, [{ kind: 'send', typeUrl, nonce, version, resources, removed: state.variant === 'delta' ? removed : [] }]];
}

function currentOf({ wildcard, names }: Subscription, typeUrl: string, source: Source): { readonly current: Map<string, Resource>; readonly unavailable: ReadonlySet<string> } {
  const current = new Map<string, Resource>();
  const unavailable = new Set<string>();
  if (wildcard) for (const resource of source.all(typeUrl)) current.set(resource.name, resource);
  for (const name of names) {
    const resource = current.has(name) || name === '*' ? undefined : source.get(typeUrl, name);
    if (resource === 'unavailable') unavailable.add(name);
    else if (resource) current.set(name, resource);
  }
  return { current, unavailable };
}
