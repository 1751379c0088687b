import { hashBytes, sumText } from '@flotilla/std';
import { createSubscription, type State } from './state.ts';
import type { Protocol, Resource, Send, Source, Subscription } from './types.ts';
import { sumOf } from './versions.ts';

export interface Context {
  readonly source: Source;
  readonly protocol: Protocol;
}

/** A response, and which of its resources the client did not hold in this version. */
export interface Response {
  readonly send: Send;
  readonly differing: readonly Resource[];
}

export interface RespondOptions {
  readonly context: Context;
  /**
   * Names that are sent though the client holds them as they are, and that are said to be gone though it never had
   * them.
   */
  readonly forced?: ReadonlySet<string>;
  /** Sends all that is looked at. */
  readonly all?: boolean;
  /** Sends a response in any case: the first of a type in delta. */
  readonly first?: boolean;
  /** Sends none when nothing differs. */
  readonly onlyIfDifferent?: boolean;
  /** The names that are looked at; without it, the whole subscription. */
  readonly only?: ReadonlySet<string>;
}

/** What a subscription is to be sent now, noted as sent; undefined when that is nothing. Costs what it looks at. */
export function respond(
  state: State,
  typeUrl: string,
  { context, forced = new Set(), all = false, first = false, onlyIfDifferent = false, only }: RespondOptions,
): Response | undefined {
  const subscription = state.subscriptions.get(typeUrl) ?? createSubscription();
  const { sent } = subscription;
  const isDelta = state.variant === 'delta';
  const isWhole = !isDelta && context.protocol.whole.has(typeUrl);
  // Where the source says which names changed, the others are as they were sent.
  const some = isWhole || !only ? undefined : namesOf(subscription, only);
  const { current, unavailable } = currentOf(subscription, { typeUrl, source: context.source, some });
  const isConcerned = (name: string): boolean =>
    subscription.names.has(name) || forced.has(name) || sent.get(name) !== undefined;
  const removed: string[] = [];
  const look = (name: string): void => {
    if (!current.has(name) && !unavailable.has(name) && isConcerned(name)) removed.push(name);
  };
  for (const name of some ?? sent.names()) look(name);
  if (!some) for (const name of forced) if (sent.get(name) === undefined) look(name);
  const resources = [...current.values()];
  const differing = resources.filter(({ name, version }) => sent.get(name) !== version);
  const changed = all
    ? resources
    : resources.filter(({ name, version }) => forced.has(name) || sent.get(name) !== version);
  const isSame =
    changed.length === 0 && (!(isWhole || isDelta) || removed.every((name) => sent.get(name) === undefined));
  if (isSame && (onlyIfDifferent || (isDelta && !first && forced.size === 0))) return undefined;
  const before = sumText(sent.sum);
  const sizeBefore = sent.size;
  for (const name of removed) sent.delete(name);
  let sum = 0n;
  for (const resource of resources) sum += sent.put(resource);
  if (sent.size !== sizeBefore) state.counted = undefined;
  const version = sumText(sent.sum);
  const sending = isWhole ? resources : changed;
  if (sending.length < resources.length) sum = sumOf(sending);
  // All that is in the response and what it follows: streams in one state get the same bytes. A response sent again is
  // another one.
  const made = hashBytes([typeUrl, before, version, sumText(sum), ...removed].join('\0'));
  subscription.nonce = made === subscription.nonce ? hashBytes(made) : made;
  return {
    send: {
      kind: 'send',
      typeUrl,
      nonce: subscription.nonce,
      version,
      resources: sending,
      removed: isDelta ? removed : [],
      isWhole,
    },
    differing,
  };
}

const namesOf = ({ wildcard, names }: Subscription, only: ReadonlySet<string>): ReadonlySet<string> =>
  wildcard ? only : new Set([...only].filter((name) => names.has(name)));

interface Lookup {
  readonly typeUrl: string;
  readonly source: Source;
  readonly some: ReadonlySet<string> | undefined;
}

function currentOf(
  { wildcard, names }: Subscription,
  { typeUrl, source, some }: Lookup,
): { readonly current: ReadonlyMap<string, Resource>; readonly unavailable: ReadonlySet<string> } {
  const current = new Map<string, Resource>();
  const unavailable = new Set<string>();
  if (wildcard && !some) for (const resource of source.all(typeUrl)) current.set(resource.name, resource);
  for (const name of some ?? names) {
    const resource = current.has(name) ? undefined : source.get(typeUrl, name);
    if (resource === 'unavailable') unavailable.add(name);
    else if (resource) current.set(name, resource);
  }
  return { current, unavailable };
}

/**
 * What must be sent again because of what has been sent already: what a client may be waiting for ("Eventual
 * consistency considerations" in Envoy's documentation).
 */
export function followers(
  typeUrl: string,
  { names, sent }: Subscription,
  { responses, protocol }: { responses: readonly Response[]; protocol: Protocol },
): Set<string> {
  const forced = new Set<string>();
  for (const { after, sameName } of protocol.follows.filter(({ type }) => type === typeUrl)) {
    const changed = responses.flatMap(({ send, differing }) => (send.typeUrl === after ? differing : []));
    if (changed.length === 0) continue;
    // No client waits for names without a resource, and it may have requested many of them.
    const sentNames = names.size > 2 * sent.size ? sent.names() : names;
    for (const name of sameName ? changed.map((resource) => resource.name) : sentNames) {
      if (names.has(name) && (sameName || sent.get(name) !== undefined)) forced.add(name);
    }
  }
  return forced;
}
