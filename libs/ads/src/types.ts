import type { Chunks } from '@flotilla/std';
import type { Versions } from './versions.ts';

/** One xDS resource: `bytes` is the encoded message of the type's URL, `version` tells them from others. */
export interface Resource {
  readonly name: string;
  readonly version: string;
  readonly bytes: Chunks;
}

/** What a stream's proxy may have, right now. Both are pure reads. */
export interface Source {
  /** All resources of a type, in order. */
  all(typeUrl: string): readonly Resource[];
  /**
   * Undefined: there is no resource, and a client that has one must drop it. Unavailable: it can't be determined now,
   * and what was sent stays in force. Of a type that `all` answers, it is the one in `all`. It costs the same however
   * many resources there are.
   */
  get(typeUrl: string, name: string): Resource | undefined | 'unavailable';
}

/** A request of the client's, in either variant. */
export type RequestEvent =
  | {
      readonly kind: 'sotw';
      readonly typeUrl: string;
      readonly names: readonly string[];
      readonly nonce: string;
      readonly error?: string;
    }
  | {
      readonly kind: 'delta';
      readonly typeUrl: string;
      readonly subscribe: readonly string[];
      readonly unsubscribe: readonly string[];
      readonly nonce: string;
      /** What the client holds already, by name; read in the first request of a type. */
      readonly initialVersions: ReadonlyMap<string, string>;
      readonly error?: string;
    };
/** What may have changed of what the source answers: by type, all of it, or only the resources of these names. */
export type Changes = ReadonlyMap<string, ReadonlySet<string> | 'all'>;
export type Event =
  | RequestEvent
  | { readonly kind: 'changed'; readonly types: Changes }
  /** Goes on with what an `unfinished` effect has left of a request. */
  | { readonly kind: 'continue'; readonly typeUrl: string };

export interface Send {
  readonly kind: 'send';
  readonly typeUrl: string;
  readonly nonce: string;
  readonly version: string;
  readonly resources: readonly Resource[];
  readonly removed: readonly string[];
  /** Whether the resources are all that the client has of the type from now on. */
  readonly isWhole: boolean;
}
export type Effect =
  | Send
  /**
   * The subscription to a type has changed: names that are new in it and names that have left it; whether it is to all
   * resources; its names now.
   */
  | {
      readonly kind: 'subscribed';
      readonly typeUrl: string;
      readonly added: readonly string[];
      readonly dropped: readonly string[];
      readonly wildcard: boolean;
      readonly size: number;
    }
  /**
   * The request has more new names than one step answers: `continue` answers the next ones, in a response of their own.
   */
  | { readonly kind: 'unfinished'; readonly typeUrl: string }
  /** The client's answer to a response, which later ones may have overtaken. */
  | { readonly kind: 'acked'; readonly typeUrl: string; readonly nonce: string }
  | { readonly kind: 'rejected'; readonly typeUrl: string; readonly nonce: string; readonly error: string }
  /** The client requests more than a client may: end the stream with this message. */
  | { readonly kind: 'refuse'; readonly limit: 'xds_names_per_type' | 'xds_names'; readonly message: string };

/** One type's subscription on one stream. */
export interface Subscription {
  wildcard: boolean;
  names: Set<string>;
  /** Requested names that later steps will answer. */
  waiting: Set<string>;
  /** The last requested list, in SotW. */
  asked: readonly string[];
  /** Versions last sent. */
  readonly sent: Versions;
  nonce: string;
}

/** Order and dependencies of types: Envoy's "Eventual consistency considerations". */
export interface Protocol {
  /** The types that are served, in the order in which one push sends them. */
  readonly order: readonly string[];
  /** Types of which SotW always sends all. */
  readonly whole: ReadonlySet<string>;
  /** After a change of the first, resources of the second must follow, changed or not: by the same name, or all. */
  readonly follows: readonly { readonly after: string; readonly type: string; readonly sameName: boolean }[];
  readonly limits: NameLimits;
}
/**
 * How many names a client may subscribe to: of one type, and of all types of its stream together. One request may have
 * them all.
 */
export interface NameLimits {
  readonly namesPerType: number;
  readonly names: number;
  /** How many new names one step answers. */
  readonly namesPerStep: number;
}
