import { defineKey, type KeyOf } from '@flotilla/query';

/**
 * Who fetches the keys at a `jwksUri` (Istio's PILOT_JWT_ENABLE_REMOTE_JWKS): pilot; Envoy where the mesh knows the
 * host, and pilot otherwise (`hybrid`); or always Envoy. Without a `jwksUri`, pilot finds the keys of an issuer in
 * every mode.
 */
export type JwksFetchMode = 'istiod' | 'hybrid' | 'envoy';

interface KeySetFields {
  /** `jwks`: the URL is that of the keys. `discovery`: it is that of a document that says where the keys are. */
  readonly kind: 'jwks' | 'discovery';
  readonly url: string;
}

/** Where the keys that verify a token are fetched from; equal places have the same key. */
export const keySetKey = defineKey<KeySetFields>()('kind', 'url');
export type KeySetKey = KeyOf<typeof keySetKey>;

/** The keys of an issuer, by OpenID Connect Discovery 1.0, section 4: a `/` at its end is left out. */
export const discoveryOf = (issuer: string): KeySetKey =>
  keySetKey({ kind: 'discovery', url: `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration` });

/** A key set that configuration needs, and the objects that name it, `namespace/name`. */
export interface WantedKeySet {
  readonly key: KeySetKey;
  readonly objects: readonly string[];
}

/** Keys that cannot be fetched at the moment. */
export interface KeySetProblem {
  readonly code: 'jwks-unavailable';
  /** An error while there are no keys, so that all tokens are refused; a warning while older keys are in force. */
  readonly level: 'error' | 'warning';
  /** What is wrong, and what to do. */
  readonly message: string;
  /** Without user, password and query. */
  readonly url: string;
  /** `request-authentications namespace/name`. */
  readonly objects: readonly string[];
  /** RFC 3339, where it is known. */
  readonly since?: string;
}

/**
 * Called with the keys at a place when they have been fetched or have changed; undefined when they are no longer valid.
 */
export type OnKeySet = (key: KeySetKey, jwks: string | undefined) => void;

export interface KeySetSubscription {
  /** Replaces the key sets that are kept up to date. */
  want(wanted: readonly WantedKeySet[]): void;
  /**
   * Resolves when each wanted key set has been fetched or has failed once, and after a bounded time at the latest.
   */
  answered(): Promise<void>;
  problems(): readonly KeySetProblem[];
}
/** Where key sets come from. The subscription ends when the signal aborts. */
export interface KeySetSource {
  subscribe(onKeySet: OnKeySet, signal: AbortSignal): KeySetSubscription;
}
