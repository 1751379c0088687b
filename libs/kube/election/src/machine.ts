import type { Lease, LeaseRecord } from '@flotilla/kube-port';

export interface ElectionTiming {
  /** How long a Lease is respected that its holder does not renew; a multiple of 1 s. */
  readonly leaseDurationMs: number;
  /** How long a leader leads without having renewed its Lease. Less than `leaseDurationMs`. */
  readonly renewDeadlineMs: number;
  /** The pause between two attempts; a candidate's is longer by a random part, up to 2.2 times. */
  readonly retryPeriodMs: number;
}

/** The defaults of client-go's users, such as kube-controller-manager. */
export const defaultTiming: ElectionTiming = { leaseDurationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 2000 };
/** client-go's JitterFactor. */
const jitter = 1.2;

export interface Candidate extends ElectionTiming {
  /** Unique among all candidates; the holder in the Lease. */
  readonly identity: string;
  /** Uniform from 0 to 1. */
  readonly random: () => number;
}

export interface ElectionState {
  /** The Lease as it was seen last, and the local time since when it says that; undefined when there was none. */
  readonly observed: { readonly lease: Lease; readonly since: number } | undefined;
  /** When the last successful renewal of this process was sent; undefined while it does not hold the Lease. */
  readonly renewedAt: number | undefined;
  /** Attempts to give the Lease back; undefined while the election goes on. */
  readonly releases: number | undefined;
  /** The request that is in flight. */
  readonly pending: { readonly type: ElectionRequest['type']; readonly sentAt: number };
}

export type ElectionRequest =
  | { readonly type: 'read' }
  | { readonly type: 'create'; readonly record: LeaseRecord }
  | { readonly type: 'replace'; readonly lease: Lease; readonly record: LeaseRecord };

/** `now` is the local time, in milliseconds. */
export type ElectionEvent = { readonly now: number } &
  /** The pause is over. */
  (
    | { readonly type: 'due' }
    /** The Lease that was read; undefined when it does not exist. */
    | { readonly type: 'found'; readonly lease: Lease | undefined }
    /** The Lease that was created or replaced. */
    | { readonly type: 'written'; readonly lease: Lease }
    /** The request failed, or its answer took too long; it may or may not have had its effect. */
    | { readonly type: 'failed' }
    /** The process stops; the pause, if this is one, is over. */
    | { readonly type: 'stop' }
  );

export type ElectionEffect =
  | { readonly type: 'send'; readonly request: ElectionRequest }
  | { readonly type: 'wait'; readonly ms: number }
  | { readonly type: 'end' };
type Next = readonly [ElectionState, ElectionEffect];

export const initialState: ElectionState = {
  observed: undefined,
  renewedAt: undefined,
  releases: undefined,
  pending: { type: 'read', sentAt: 0 },
};

/** When leadership ends unless it is renewed; -Infinity when there is none. */
export const leadsUntil = ({ renewedAt, releases }: ElectionState, { renewDeadlineMs }: ElectionTiming): number =>
  renewedAt === undefined || releases !== undefined ? -Infinity : renewedAt + renewDeadlineMs;

/**
 * Leader election as client-go's package `leaderelection` does it: a candidate waits until a Lease has said the same
 * for as long as its holder promised to renew it, by the candidate's own clock. The times in the Lease are for people.
 *
 *     waiting ──due──▶ reading ──found: held by another──▶ waiting
 *        ▲ │              ▲ └─found: absent, free, or its own──▶ writing
 *        │ └─due: leads───┼────────────────────────────────────▶ writing
 *        │                └──────failed, though it held it─────────┤ │
 *        └────────────────────────────written, or failed───────────┴─┘
 *
 *     waiting ──stop: a holder gives the Lease back──▶ end
 *
 * A process leads for `renewDeadlineMs` since it sent its last successful renewal. Others take over `leaseDurationMs`
 * after they have seen that renewal, which is later. So two lead at once only if one's clock runs half as fast again as
 * the other's, or if somebody else edits or deletes the Lease.
 */
export function step(state: ElectionState, event: ElectionEvent, candidate: Candidate): Next {
  const { now } = event;
  switch (event.type) {
    case 'due':
      return now < leadsUntil(state, candidate) ? write(state, candidate, now) : send(state, { type: 'read' }, now);
    case 'found': {
      const next = observe(state, { lease: event.lease, now }, candidate);
      if (next.releases !== undefined) return release(next, candidate, now);
      return isFree(next, candidate, now) ? write(next, candidate, now) : wait(next, candidate);
    }
    case 'written': {
      const { sentAt } = state.pending;
      const next = observe({ ...state, renewedAt: sentAt }, { lease: event.lease, now }, candidate);
      return next.releases === undefined ? wait(next, candidate) : [next, { type: 'end' }];
    }
    case 'failed':
      // Somebody may have written the Lease, this process itself among them; what it says now decides.
      if (state.pending.type === 'replace' && state.renewedAt !== undefined) return send(state, { type: 'read' }, now);
      return state.releases === undefined ? wait(state, candidate) : [state, { type: 'end' }];
    case 'stop':
      return release({ ...state, releases: 0 }, candidate, now);
  }
}

/** What the Lease says now. Only a change of what it says starts its time again. */
function observe(
  state: ElectionState,
  { lease, now }: { readonly lease: Lease | undefined; readonly now: number },
  { identity }: Candidate,
): ElectionState {
  const before = state.observed;
  const since = lease && before && isSame(lease, before.lease) ? before.since : now;
  const isHolder = lease?.holder === identity;
  return {
    ...state,
    observed: lease && { lease, since },
    renewedAt: isHolder ? state.renewedAt : undefined,
  };
}

const isSame = (a: LeaseRecord, b: LeaseRecord): boolean =>
  a.holder === b.holder &&
  a.renewTime === b.renewTime &&
  a.acquireTime === b.acquireTime &&
  a.transitions === b.transitions &&
  a.durationSeconds === b.durationSeconds;

function isFree({ observed }: ElectionState, { identity, leaseDurationMs }: Candidate, now: number): boolean {
  if (!observed || observed.lease.holder === '' || observed.lease.holder === identity) return true;
  const { lease, since } = observed;
  const promisedMs = lease.durationSeconds > 0 ? lease.durationSeconds * 1000 : leaseDurationMs;
  return now >= since + promisedMs;
}

/** Takes or renews the Lease. */
function write(state: ElectionState, { identity, leaseDurationMs }: Candidate, now: number): Next {
  const held = state.observed?.lease;
  const isHolder = held?.holder === identity;
  const record: LeaseRecord = {
    holder: identity,
    durationSeconds: leaseDurationMs / 1000,
    acquireTime: held && isHolder ? held.acquireTime : now,
    renewTime: now,
    transitions: held ? held.transitions + (isHolder ? 0 : 1) : 0,
  };
  return send(state, held ? { type: 'replace', lease: held, record } : { type: 'create', record }, now);
}

/** Gives the Lease back, as client-go does: without a holder, and to be respected for 1 s. Tries it twice. */
function release(state: ElectionState, { identity }: Candidate, now: number): Next {
  const { observed, releases = 0 } = state;
  if (observed?.lease.holder !== identity || releases >= 2) return [state, { type: 'end' }];
  const { lease } = observed;
  const record = { holder: '', durationSeconds: 1, acquireTime: now, renewTime: now, transitions: lease.transitions };
  return send({ ...state, releases: releases + 1 }, { type: 'replace', lease, record }, now);
}

const send = (state: ElectionState, request: ElectionRequest, now: number): Next => [
  { ...state, pending: { type: request.type, sentAt: now } },
  { type: 'send', request },
];

const wait = (state: ElectionState, { retryPeriodMs, random }: Candidate): Next => [
  state,
  { type: 'wait', ms: state.renewedAt === undefined ? retryPeriodMs * (1 + jitter * random()) : retryPeriodMs },
];
