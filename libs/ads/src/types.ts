import type { Versions } from './versions.ts';

/** One xDS resource: `bytes` is the encoded message of the type's URL, `version` a hash of them. */
export interface Resource { readonly name: string; readonly version: string; readonly bytes: Uint8Array }

/** What a stream's proxy may have, right now. Both are pure reads. */
export interface Source {
  /** All resources of a type, in order. */
  all(typeUrl: string): readonly Resource[];
  /** Undefined: there is none, and who holds one is to forget it. Unavailable: it can't be told now, and what was sent stays in force. */
  get(typeUrl: string, name: string): Resource | undefined | 'unavailable';
}

/** A request of the client's, whichever variant. */
export type Event =
  | { readonly kind: 'sotw'; readonly typeUrl: string; readonly names: readonly string[]; readonly nonce: string; readonly error?: string }
  | {
    readonly kind: 'delta'; readonly typeUrl: string; readonly subscribe: readonly string[]; readonly unsubscribe: readonly string[]; readonly nonce: string;
    readonly initialVersions: Readonly<Record<string, string>>; readonly error?: string;
  }
  /** What the source answers may have changed: of a type all, or only what has these names. */
  | { readonly kind: 'changed'; readonly types: ReadonlyMap<string, ReadonlySet<string> | 'all'> };

export type Effect =
  | { readonly kind: 'send'; readonly typeUrl: string; readonly nonce: string; readonly version: string; readonly resources: readonly Resource[]; readonly removed: readonly string[] }
  | { readonly kind: 'acked'; readonly typeUrl: string; readonly nonce: string }
  | { readonly kind: 'rejected'; readonly typeUrl: string; readonly nonce: string; readonly error: string }
  /** The client asks for more than a client may: end the stream with this message. */
  | { readonly kind: 'refuse'; readonly message: string };

/** One type's subscription on one stream. */
export interface Subscription {
  readonly wildcard: boolean;
  readonly names: ReadonlySet<string>;
  /** The list that was asked for last, in SotW. */
  readonly asked: readonly string[];
  /** Versions last sent. */
  readonly sent: Versions;
  readonly nonce: string;
}
export interface State { readonly subscriptions: ReadonlyMap<string, Subscription>; readonly variant?: 'sotw' | 'delta' }

/** Order and dependencies of types: Envoy's "Eventual consistency considerations". */
export interface Protocol {
  /** In the order in which one push sends them. */
  readonly order: readonly string[];
  /** Types of which SotW always sends all. */
  readonly whole: ReadonlySet<string>;
  /** After a change of the first, resources of the second must follow, changed or not: by the same name, or all. */
  readonly follows: readonly { readonly after: string; readonly type: string; readonly sameName: boolean }[];
  readonly maxNames: number;
}
